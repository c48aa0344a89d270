"""What the visitors of the fault suite do: seeded, of every kind of event there is, and of every kind of bad one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from schemas.events import Event, EventName, Item, Landing, Page, Ping, Shown
from schemas.products import Product

VISITORS = 300
"""Enough that none of them looks like a bot at 40 events a second."""

_MIX: dict[EventName, float] = {
    "view_item": 40, "page_ping": 14, "impression": 10, "page_view": 8, "select_item": 6, "add_to_cart": 7,
    "search": 3, "purchase": 3, "remove_from_cart": 2, "view_item_list": 2, "begin_checkout": 1, "refund": 1,
    "identify": 1, "forget": 0.5,
}  # fmt: skip

_ODD = {"plain": 90, "again": 2.5, "late": 2.5, "no consent": 3, "not json": 0.7, "other schema": 0.5, "too old": 0.4,
        "too large": 0.2, "no key": 0.2}  # fmt: skip
"""How an event is sent, in percent: as it is, a second time, late, without consent, or so that it is refused."""


class Sent(NamedTuple):
    """One record for `clickstream.events`."""

    key: bytes | None
    value: bytes


@dataclass
class _Visitor:
    name: str
    seen: list[str] = field(default_factory=list)
    slate: str | None = None
    page: int = 0


class Shoppers:
    """Make the next record, whoever it is from.

    Args:
        seed: of everything random.
        catalogue: what can be looked at.
        now: tells the time of an event.
        visitors: how many there are.
    """

    def __init__(
        self, seed: int, catalogue: Sequence[Product], now: Callable[[], datetime], *, visitors: int = VISITORS
    ) -> None:
        self._random = Random(f"shoppers-{seed}")
        self._products = [product.product_id for product in catalogue]
        self._now = now
        self._visitors = [_Visitor(f"v-{number:04d}") for number in range(visitors)]
        self._made = 0
        self._past: list[Sent] = []

    def next(self) -> Sent:
        """Make one record."""
        self._made += 1
        visitor = self._random.choice(self._visitors)
        how = self._random.choices(list(_ODD), list(_ODD.values()))[0]
        if how == "again" and self._past:
            return self._random.choice(self._past)
        event = self._event(visitor, how)
        sent = Sent(None if how == "no key" else visitor.name.encode(), _written(event, how))
        self._past = [*self._past[-200:], sent]
        return sent

    def served(self, visitor: str, slate: str) -> None:
        """Note a slate that a visitor can answer to."""
        self._visitors[int(visitor[2:])].slate = slate

    def _event(self, visitor: _Visitor, how: str) -> Event:
        random = self._random
        name = random.choices(list(_MIX), list(_MIX.values()))[0]
        product = random.choice(visitor.seen or self._products) if name != "view_item" else self._product()
        if name == "view_item":
            visitor.page += 1
            visitor.seen = [*visitor.seen[-10:], product]
        ago = {"late": timedelta(minutes=random.randint(1, 20)), "too old": timedelta(days=9)}.get(how, timedelta())
        return Event(
            event_id=f"e-{self._made:07d}",
            name=name,
            visitor_id=visitor.name,
            user_id=f"u-{visitor.name[-2:]}" if name == "identify" else None,
            at=self._now() - ago,
            items=self._items(name, product),
            page=Page(view_id=f"{visitor.name}-{visitor.page}", kind=self._page_kind(name)),
            ping=Ping(scroll=round(random.random(), 2)) if name == "page_ping" else None,
            query=random.choice(("mug", "red shirt", "tent")) if name == "search" else None,
            context=Landing(country="DE", device="mobile", utm_source="mail") if random.random() < 0.2 else None,
            shown=self._shown(name, visitor),
            consent="none" if how == "no consent" else "personalisation",
        )

    def _product(self) -> str:
        """Choose a product; some are looked at much more than others."""
        return self._products[int(len(self._products) * self._random.random() ** 3)]

    def _items(self, name: EventName, product: str) -> tuple[Item, ...]:
        if name in {"page_view", "page_ping", "search", "identify", "forget"}:
            return ()
        several = name in {"impression", "view_item_list", "purchase"}
        more = [self._product() for _ in range(self._random.randint(0, 3))] if several else []
        return tuple(Item(product_id=one, price=9.5, currency="EUR") for one in dict.fromkeys([product, *more]))

    def _page_kind(self, name: EventName) -> str:
        return self._random.choice(("home", "category", "help")) if name == "page_view" else "product"

    def _shown(self, name: EventName, visitor: _Visitor) -> Shown | None:
        if visitor.slate is None or name not in {"impression", "select_item", "view_item"}:
            return None
        if name == "view_item" and self._random.random() < 0.7:
            return None
        return Shown(slate_id=visitor.slate, placement="home", rank=self._random.randint(1, 12))


def _written(event: Event, how: str) -> bytes:
    """Write an event, or spoil it."""
    match how:
        case "not json":
            return b'{"event_id": "' + event.event_id.encode()
        case "other schema":
            return event.encode().replace(b'"name"', b'"nom"')
        case "too large":
            return event.encode()[:-1] + b',"more":"' + b"x" * 70_000 + b'"}'
    return event.encode()
