"""The catalogue as an audit needs it: each product's groups, and whether its vector is of its text."""

from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from models.catalogue import leaf_of
from schemas.products import Product
from schemas.record import epoch_ms

NOT_KNOWN = "(not known)"

GROUPINGS = ("category", "top category", "brand", "price band", "age")
"""What products are grouped by, beside their popularity."""

DAY_MS = 86_400_000

Vector = Literal["fresh", "stale", "missing", "not known"]


class _Facts(NamedTuple):
    item: str
    category: str
    top: str
    brand: str
    price: float | None
    since_ms: int | None
    hidden: bool
    vector: Vector


class Grouping(NamedTuple):
    """Groups of items: their names, and which one each item is of, int64, shape (items,)."""

    names: tuple[str, ...]
    of: np.ndarray

    def known(self, at: int) -> int:
        """Give an item's group, -1 where it is not known."""
        group = int(self.of[at])
        return -1 if self.names[group] == NOT_KNOWN else group


class Assortment(NamedTuple):
    """All items (products, variants together), numbered.

    `numbers` finds an item by product id; `hidden` is bool, shape (items,); `vectors` counts products.
    """

    numbers: dict[str, int]
    hidden: np.ndarray
    prices: np.ndarray
    since_ms: np.ndarray
    texts: dict[str, tuple[str, ...]]
    vectors: dict[Vector, int]

    @property
    def items(self) -> int:
        """Count the items."""
        return len(self.hidden)

    def grouping(self, name: str, *, now_ms: int = 0, new_days: float = 30) -> Grouping:
        """Group the items by one of `GROUPINGS`.

        Args:
            name: which.
            now_ms: the time the age is told at, milliseconds since 1970.
            new_days: an item on sale for less is new.
        """
        if name == "price band":
            return _bands(self.prices)
        if name == "age":
            return _ages(self.since_ms, now_ms - int(new_days * DAY_MS))
        names = tuple(sorted(set(self.texts[name])))
        codes = {text: code for code, text in enumerate(names)}
        return Grouping(names, np.array([codes[text] for text in self.texts[name]], np.int64))


class Shelf:
    """The fold of products that an `Assortment` is made of.

    Args:
        aged: False where `updated_at` says when a product was last heard of, not since when it is there.
    """

    def __init__(self, *, aged: bool = True) -> None:
        self._aged = aged
        self._facts: dict[str, _Facts] = {}
        self._texts: dict[str, str] = {}

    def put(self, product: Product, *, arrived_ms: int | None = None, vector: Vector = "not known") -> None:
        """Insert or replace a product; its age is from `available_from`, else `updated_at`, else its arrival."""
        since = product.available_from or (product.updated_at if self._aged else None)
        price = product.price if product.sale_price is None else product.sale_price
        self._facts[product.product_id] = _Facts(
            item=product.item,
            category=self._one(leaf_of(product)),
            top=self._one(product.category[0] if product.category else ""),
            brand=self._one(product.brand or ""),
            price=price,
            since_ms=arrived_ms if since is None else epoch_ms(since),
            hidden=product.hidden,
            vector=vector,
        )

    def remove(self, product_id: str) -> None:
        """Forget a product; an unknown one is ignored."""
        self._facts.pop(product_id, None)

    def finish(self) -> Assortment:
        """Number the items; the variant that is first by id speaks for its item."""
        items: dict[str, int] = {}
        numbers: dict[str, int] = {}
        speakers: list[_Facts] = []
        vectors: dict[Vector, int] = {}
        for product_id, facts in sorted(self._facts.items()):
            if facts.item not in items:
                items[facts.item] = len(items)
                speakers.append(facts)
            numbers[product_id] = items[facts.item]
            vectors[facts.vector] = vectors.get(facts.vector, 0) + 1
        return Assortment(
            numbers=numbers,
            hidden=np.array([one.hidden for one in speakers], np.bool_),
            prices=np.array([np.nan if one.price is None else one.price for one in speakers], np.float64),
            since_ms=np.array([np.nan if one.since_ms is None else one.since_ms for one in speakers], np.float64),
            texts={
                "category": tuple(one.category for one in speakers),
                "top category": tuple(one.top for one in speakers),
                "brand": tuple(one.brand for one in speakers),
            },
            vectors=vectors,
        )

    def _one(self, text: str) -> str:
        """Keep one copy of a text that thousands of products share."""
        text = text or NOT_KNOWN
        return self._texts.setdefault(text, text)


def _bands(prices: np.ndarray) -> Grouping:
    """Cut at the quartiles of the catalogue; fewer bands where many products cost the same."""
    known = np.isfinite(prices)
    if not known.any():
        return Grouping((NOT_KNOWN,), np.zeros(len(prices), np.int64))
    cuts = np.unique(np.quantile(prices[known], (0.25, 0.5, 0.75)))
    names: list[str] = [f"up to {cuts[0]:,.2f}"]
    names += [f"{low:,.2f} to {high:,.2f}" for low, high in pairwise(cuts)]
    names += [f"over {cuts[-1]:,.2f}", NOT_KNOWN]
    of = np.where(known, np.searchsorted(cuts, prices, side="left"), len(names) - 1)
    return Grouping(tuple(names), of.astype(np.int64))


def _ages(since_ms: np.ndarray, new_from_ms: int) -> Grouping:
    known = np.isfinite(since_ms)
    of = np.where(known, np.where(since_ms >= new_from_ms, 0, 1), 2)
    return Grouping(("new", "older", NOT_KNOWN), of.astype(np.int64))
