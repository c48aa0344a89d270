"""What features and filters need of items, in arrays: items are rows, and everything about many rows is one look-up."""

import itertools
import math
from collections.abc import Collection, Sequence

import numpy as np

from models.catalogue import ASK, CATEGORY_SEPARATOR, Offer, leaf_of
from models.kernel import hash63
from models.ranked import NONE, Ranked, first_of_each
from schemas.learning import MAX_LEAF_CHARS
from schemas.record import epoch_ms

FIRST_ROWS = 256


class FactTable:
    """Leaf category, price and offer by item; of a group the first variant by id that is sold speaks.

    Row 0 is of everything unknown. Rows are given in order of appearance and used again: they mean nothing outside
    this process, and no result may depend on their order.

    Attributes:
        epoch: changes whenever a row comes to mean another item, or a product belongs to another one.
        names: the item of each row.
        speakers: the product that speaks for it.
        leaf, parent: codes of its category's path and of the path above, int32, 0 for none.
        log_price: log of its price, float32, NaN where unknown.
        offer: `NO_OFFER`, `OFFERED` or `ASK`, uint8.
        since_ms: when it goes on sale, ms since 1970, int64, 0 for always.
        restricted: bool.

    >>> from models.catalogue import OFFERED
    >>> from schemas.products import Product
    >>> table = FactTable()
    >>> table.put(Offer(Product(product_id="p", title="Mug", price=math.e), OFFERED))
    >>> row = table.row("p")
    >>> table.names[row], round(float(table.log_price[row]), 3), table.row("unknown")
    ('p', 1.0, 0)
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.names = [""]
        self.speakers = [""]
        self.leaf = np.zeros(FIRST_ROWS, np.int32)
        self.parent = np.zeros(FIRST_ROWS, np.int32)
        self.log_price = np.full(FIRST_ROWS, np.nan, np.float32)
        self.offer = np.zeros(FIRST_ROWS, np.uint8)
        self.since_ms = np.zeros(FIRST_ROWS, np.int64)
        self.restricted = np.zeros(FIRST_ROWS, np.bool_)
        self._rows: dict[str, int] = {}
        self._products: dict[str, int] = {}
        self._codes: dict[str, int] = {"": 0}
        self._leaves = [""]
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self.names)

    def row(self, item: str) -> int:
        """Give an item's row, 0 when it is not in the catalogue."""
        return self._rows.get(item, 0)

    def ranked(self, products: Sequence[tuple[str, float]]) -> Ranked:
        """Turn scored products, best first, into scored rows; of a group the best variant stays, the unknown do not."""
        if not products:
            return NONE
        names, scores = zip(*products, strict=True)
        return Ranked(*first_of_each(self.rows_of(names), np.array(scores, np.float32)))

    def row_of(self, product_id: str) -> int:
        """Give the row of a product's item, 0 when the product is not in the catalogue."""
        return self._products.get(product_id, 0)

    def rows_of(self, products: Collection[str]) -> np.ndarray:
        """Give the rows of many products: int32, shape (len(products),)."""
        return np.fromiter(map(self._products.get, products, itertools.repeat(0)), np.int32, len(products))

    def leaf_of(self, item: str) -> str:
        """Name an item's leaf category as `learning` does: the same in every process; empty where it has none."""
        return self._leaves[self.leaf[self.row(item)]]

    def put(self, offer: Offer) -> None:
        """Take the newest facts of an item."""
        product = offer.speaker
        row = self._rows.get(product.item) or self._add(product.item)
        self.speakers[row] = product.product_id
        self.leaf[row] = self._intern(leaf_of(product))
        self.parent[row] = self._intern(CATEGORY_SEPARATOR.join(product.category[:-1]))
        self.log_price[row] = math.log(product.price) if product.price else math.nan
        self.offer[row] = offer.kind
        self.since_ms[row] = epoch_ms(product.available_from) if product.available_from and offer.kind != ASK else 0
        self.restricted[row] = product.restricted

    def assign(self, product_id: str, item: str) -> None:
        """Note which item a product belongs to; one that was `put`."""
        row = self._rows[item]
        if self._products.get(product_id) != row:
            self._products[product_id] = row
            self.epoch += 1

    def unassign(self, product_id: str) -> None:
        """Forget which item a product belongs to; an unknown one is ignored."""
        if self._products.pop(product_id, None) is not None:
            self.epoch += 1

    def remove(self, item: str) -> None:
        """Forget an item without variants; unknown ones are ignored."""
        row = self._rows.pop(item, None)
        if row is not None:
            for column in self._columns():
                column[row] = math.nan if column is self.log_price else 0
            self.names[row] = self.speakers[row] = ""
            self._free.append(row)
            self.epoch += 1

    def _add(self, item: str) -> int:
        if self._free:
            row = self._free.pop()
            self.names[row] = item
        else:
            row = len(self.names)
            self.names.append(item)
            self.speakers.append("")
            if row == len(self.leaf):
                self._grow()
        self._rows[item] = row
        self.epoch += 1
        return row

    def _intern(self, path: str) -> int:
        code = self._codes.setdefault(path, len(self._codes))
        if code == len(self._leaves):
            self._leaves.append(path if len(path) <= MAX_LEAF_CHARS else f"{hash63(path):016x}")
        return code

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.leaf, self.parent, self.log_price, self.offer, self.since_ms, self.restricted

    def _grow(self) -> None:
        self.leaf, self.parent, self.log_price, self.offer, self.since_ms, self.restricted = (
            np.concatenate([column, np.zeros_like(column)]) for column in self._columns()
        )
