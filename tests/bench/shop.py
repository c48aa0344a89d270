"""The shop and the visitors of the benchmark: seeded, so that every row of a table gets the same bytes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np

from schemas.events import Event, EventName, Item, Landing, Page
from schemas.products import Embedding, Product, pack_vector
from streams.demo.shop import generate_shop

DIM = 384
VISITORS = 2_000
"""Visitors who are in the shop at any moment; one who leaves makes room for the next."""

GAP = timedelta(milliseconds=15)
"""Event time between two events of the shop: each visitor looks at a page for half a minute on average."""

_MIX: tuple[tuple[EventName, float], ...] = (("view_item", 0.88), ("add_to_cart", 0.06), ("search", 0.03))
"""What visitors do; the rest are views of the home page. Each of them asks for slates."""

_LEAVES = 0.12
"""Chance that an event is the last of its session."""


def products(count: int) -> list[Product]:
    """Generate the catalogue."""
    return generate_shop(seed=1, n=count)


def embeddings(catalogue: Sequence[Product]) -> list[Embedding]:
    """Make vectors that lie around their category's centre: as near each other as real ones, without a model."""
    random = np.random.default_rng(1)
    centre = {path: random.normal(size=DIM) for path in sorted({product.category for product in catalogue})}
    made = []
    for product in catalogue:
        vector = centre[product.category] + 0.8 * random.normal(size=DIM)
        made.append(
            Embedding(
                product_id=product.product_id,
                model="bench",
                text_hash="0",
                dim=DIM,
                vector=pack_vector(vector / np.linalg.norm(vector)),
                embedded_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
    return made


@dataclass
class _Shopper:
    """One visitor: looks around in one category, mostly at what is popular there."""

    name: str
    shelf: Sequence[Product]
    seen: list[Product] = field(default_factory=list)


class Visitors:
    """Everything the shop's visitors do, one event after the other.

    Args:
        catalogue: what they can look at.
        start: event time of the first event; it must lie in the past by the time the last one is sent.
    """

    def __init__(self, catalogue: Sequence[Product], start: datetime) -> None:
        self._random = Random(2)
        shelves: dict[tuple[str, ...], list[Product]] = {}
        for product in catalogue:
            shelves.setdefault(product.category, []).append(product)
        self._shelves = [shelves[path] for path in sorted(shelves)]
        self._start = start
        self.arrived = self._made = 0
        self._inside = [self._next_shopper() for _ in range(VISITORS)]

    def events(self, count: int) -> Iterator[Event]:
        """Make the next events; the n-th of all is named `e-n`."""
        for _ in range(count):
            place = self._random.randrange(VISITORS)
            yield self._event(self._made, self._inside[place])
            self._made += 1
            if self._random.random() < _LEAVES:
                self._inside[place] = self._next_shopper()

    def _next_shopper(self) -> _Shopper:
        self.arrived += 1
        return _Shopper(f"visitor-{self.arrived:07d}", self._random.choice(self._shelves))

    def _event(self, number: int, shopper: _Shopper) -> Event:
        name = self._choose(shopper)
        product = shopper.seen[-1] if name == "add_to_cart" else self._pick(shopper)
        if name == "view_item":
            shopper.seen.append(product)
        url = f"https://shop.example/p/{product.product_id}" if name == "view_item" else "https://shop.example/"
        return Event(
            event_id=f"e-{number:08d}",
            name=name,
            visitor_id=shopper.name,
            at=self._start + number * GAP,
            items=(Item(product_id=product.product_id, price=product.price, currency="EUR"),)
            if name in {"view_item", "add_to_cart"}
            else (),
            page=Page(view_id=f"pv-{number:08d}", url=url, kind="home" if name == "page_view" else "product"),
            query=product.title.split()[-1] if name == "search" else None,
            context=Landing(country="DE", device="mobile", locale="de-DE", utm_source="newsletter"),
            consent="personalisation",
        )

    def _choose(self, shopper: _Shopper) -> EventName:
        drawn = self._random.random()
        for name, share in _MIX:
            drawn -= share
            if drawn < 0:
                return "view_item" if name == "add_to_cart" and not shopper.seen else name
        return "page_view"

    def _pick(self, shopper: _Shopper) -> Product:
        """Take a product of the shelf, the first ones far more often than the last."""
        return shopper.shelf[int(len(shopper.shelf) * self._random.random() ** 3)]
