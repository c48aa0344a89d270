"""The shop's stock lives a little: now and then a product on somebody's page is sold out, or one comes back."""

from collections import deque
from collections.abc import Iterator, Sequence
from random import Random

from schemas.events import Event
from schemas.products import Product
from schemas.slates import Slate

EVERY_S = 60.0
AWAY = 2
"""Sold out at a time; then the one that has been away longest comes back first."""

ON_PAGE = 6
"""Of a slate, so many are on the page at first: those are missed when they go."""

_RECENT = 200


class Stock:
    """Decides what sells out: something that slates have shown since the last change, to a person before anybody else.

    Simulated shoppers buy what they like, whatever the stock: a click of theirs on what is sold out asks for what no
    slate may show, and counts for no ranking.

    Args:
        products: the catalogue.
        seed: the choice follows from it and from what was shown.
        every_s: between two changes.
    """

    def __init__(self, products: Sequence[Product], *, seed: int, every_s: float = EVERY_S) -> None:
        self._products = {product.product_id: product for product in products if product.stock}
        self._random = Random(f"stock-{seed}")
        self._every_s = every_s
        self._next_s: float | None = None
        self._away: dict[str, Product] = {}
        self._shown: dict[bool, deque[str]] = {person: deque(maxlen=_RECENT) for person in (True, False)}

    def shown(self, slate: Slate, *, person: bool = False) -> None:
        """Take a slate that is on somebody's page."""
        self._shown[person].extend(item.product_id for item in slate.items[:ON_PAGE])

    def sells(self, event: Event) -> bool:
        """Say whether what an event is about can be bought."""
        return not (event.items and event.items[0].product_id in self._away)

    def due(self, now_s: float) -> Iterator[Product]:
        """Give a product that changed, if it is time for one: with the stock it has from now on."""
        if self._next_s is not None and now_s >= self._next_s:
            yield from self._back() if len(self._away) >= AWAY else self._gone()
        if self._next_s is None or now_s >= self._next_s:
            self._next_s = now_s + self._every_s

    def _back(self) -> Iterator[Product]:
        yield self._away.pop(next(iter(self._away)))

    def _gone(self) -> Iterator[Product]:
        wanted = self._shown[True] or self._shown[False]
        candidates = [one for one in wanted if one in self._products and one not in self._away]
        if candidates:
            product = self._products[self._random.choice(candidates)]
            self._away[product.product_id] = product
            yield product.model_copy(update={"stock": 0})
        for shown in self._shown.values():
            shown.clear()
