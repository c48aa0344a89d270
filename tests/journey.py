"""One visitor's way through a shop, told event by event; every state on the way is written and read again."""

from typing import Any

from models.session import Applied, SessionRules, Visitor, apply, decode_visitor, encode
from schemas.events import Event, Item, Page, Ping, Shown
from schemas.learning import Origin
from schemas.record import epoch_ms, from_epoch_ms

START_MS = 1_777_636_800_000
"""2026-05-01T12:00:00Z."""

RULES = SessionRules()


def event(name: str, *products: str, at_s: float = 0.0, **fields: Any) -> Event:
    """Make an event of visitor `v1`; `view` and `slate=(id, rank)` are short for page and shown."""
    view, slate, ping = fields.pop("view", None), fields.pop("slate", None), fields.pop("ping", None)
    return Event(
        name=name,
        event_id=fields.pop("event_id", f"{name}-{at_s}-{'-'.join(products)}"[:128]),
        visitor_id=fields.pop("visitor_id", "v1"),
        at=from_epoch_ms(START_MS + round(at_s * 1000)),
        consent=fields.pop("consent", "personalisation"),
        items=tuple(Item(product_id=product) for product in products),
        page=Page(view_id=view) if view else None,
        shown=Shown(slate_id=slate[0], placement="home", rank=slate[1]) if slate else None,
        ping=None if ping is None else Ping(**ping),
        **fields,
    )


def step(visitor: Visitor | None, one: Event, offset: int, rules: SessionRules = RULES) -> Applied:
    """Apply one event; items are products without what follows a dot (`shirt.red` -> `shirt`)."""
    origin = Origin(topic="clickstream.events", partition=0, offset=offset)
    return apply(visitor, one, origin=origin, item_of=lambda product: product.split(".")[0], rules=rules)


class Journey:
    """Events one after the other; `at_s` counts seconds from the journey's start."""

    def __init__(self, rules: SessionRules = RULES) -> None:
        self.rules = rules
        self.visitor: Visitor | None = None
        self.offset = -1
        self.last: Applied | None = None

    def __call__(self, name: str, *products: str, at_s: float = 0.0, **fields: Any) -> Applied:
        return self.take(event(name, *products, at_s=at_s, **fields))

    def take(self, one: Event) -> Applied:
        """Apply an event to what was written of the visitor."""
        self.offset += 1
        self.last = applied = step(self.visitor, one, self.offset, self.rules)
        if applied.changed:
            self.visitor = None if applied.visitor is None else decode_visitor(encode(applied.visitor))
            assert self.visitor == applied.visitor
        return applied

    def weights(self) -> dict[str, float]:
        """Give the weight of each product in the context after the last event."""
        assert self.last is not None
        return dict(self.last.context.steps)


def seconds(one: Event) -> float:
    """Give an event's seconds from the journey's start."""
    return (epoch_ms(one.at) - START_MS) / 1000
