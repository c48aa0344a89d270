"""What features and filters need of items, in arrays: one look-up per candidate, the rest at once."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from models.catalogue import leaf_of
from schemas.products import Product

FIRST_ROWS = 256


class FactTable:
    """Leaf category and price by item; of a group the variant that came last speaks.

    >>> table = FactTable()
    >>> table.put(Product(product_id="p", title="Mug", category=("home", "mugs"), price=math.e))
    >>> leaves, prices = table.gather(["p", "unknown"])
    >>> leaves.tolist(), prices.round(3).tolist()
    ([1, 0], [1.0, 0.0])
    """

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._codes: dict[str, int] = {"": 0}
        self._free: list[int] = []
        # Row 0 is of everything unknown.
        self._leaf = np.zeros(FIRST_ROWS, np.int32)
        self._log_price = np.zeros(FIRST_ROWS, np.float32)

    def put(self, product: Product) -> None:
        """Take a product's newest facts."""
        row = self._rows.get(product.item)
        if row is None:
            row = self._rows[product.item] = self._free.pop() if self._free else len(self._rows) + 1
            if row == len(self._leaf):
                self._leaf = np.concatenate([self._leaf, np.zeros_like(self._leaf)])
                self._log_price = np.concatenate([self._log_price, np.zeros_like(self._log_price)])
        self._leaf[row] = self._codes.setdefault(leaf_of(product), len(self._codes))
        self._log_price[row] = math.log(product.price) if product.price else 0.0

    def remove(self, item: str) -> None:
        """Forget an item; unknown ones are ignored."""
        row = self._rows.pop(item, None)
        if row is not None:
            self._leaf[row] = self._log_price[row] = 0
            self._free.append(row)

    def gather(self, items: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Collect facts.

        Returns:
            int32, shape (len(items),): leaf category codes, 0 for none or unknown; float32, same shape: log of the
            price, 0 where unknown.
        """
        rows = np.fromiter(map(self._rows.get, items, itertools.repeat(0)), np.int64, len(items))
        return self._leaf[rows], self._log_price[rows]
