"""Slates as a shop finds them in the log: new, older, revised, expired; and which of them it shows."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from schemas.slates import Cause, Lineage, Slate, SlateItem
from schemas.topics import EVENTS, Topics
from streams.kafka import partition_of

TOPICS = Topics(prefix="examples.", partitions=7)
"""Not a power of two: then a hash whose sign bit is lost differently gives another partition."""

VISITORS = [f"v-{number}" for number in range(40)] + ["é", "Zoë-7", "日本語", "посетитель", "🛒", "a b/c?d"]
NOW = datetime.now(UTC)


class Told(NamedTuple):
    """A slate in short."""

    offset: int
    revision: int = 0
    epoch: int = 0
    placement: str = "home"
    anchor: str | None = None
    expired: bool = False

    @property
    def slate_id(self) -> str:
        """Name it by what it is, as the worker does."""
        return f"s-0-{self.epoch}.{self.offset}-{self.placement}-{self.anchor}"


def slate(visitor: str, told: Told) -> bytes:
    """Write a slate as a worker would, and with a field of a later version."""
    whole = Slate(
        slate_id=told.slate_id,
        revision=told.revision,
        visitor_id=visitor,
        placement=told.placement,
        anchor=told.anchor,
        items=(SlateItem(product_id="tent", rank=1, score=0.9), SlateItem(product_id="日傘", rank=2, score=0.5)),
        cause=Cause(topic=EVENTS, partition=0, offset=told.offset, epoch=told.epoch, event_id="e1"),
        lineage=Lineage(settings="s", build="b"),
        event_at=NOW,
        decided_at=NOW,
        expires_at=NOW + timedelta(hours=-1 if told.expired else 12),
    )
    return json.dumps(json.loads(whole.encode()) | {"later": {"version": True}}).encode()


NEW = [
    Told(10),
    Told(12),
    Told(12, revision=1),
    Told(9, placement="product", anchor="tent"),
    Told(8, placement="product", anchor="stove"),
    Told(2, epoch=1),
]
"""What a shop shows, in this order."""

STALE = {
    1: [Told(10), Told(9, revision=1)],
    2: [Told(10, revision=1), Told(11), Told(12)],
    3: [Told(12), Told(12, revision=1), Told(11, revision=7), Told(14, expired=True)],
    6: [Told(99), Told(99, revision=1), Told(1, epoch=1, revision=1), Told(3, epoch=1, expired=True)],
}
"""What stands after so many of these and is not shown: again, older, older and revised, expired."""

SHOPPERS = ["v-1", "Zoë-日本"]


def written_for(visitor: str) -> Iterator[tuple[str, bytes]]:
    """Give the slates of one visitor as they lie in the log."""
    for place, told in enumerate(NEW, 1):
        yield visitor, slate(visitor, told)
        for stale in STALE.get(place, ()):
            yield visitor, slate(visitor, stale)
    yield visitor, slate(visitor, Told(50, epoch=1)).replace(b'"1.0"', b'"2.0"')
    without_epoch = json.loads(slate(visitor, Told(7, placement="cart")))
    del without_epoch["cause"]["epoch"], without_epoch["revision"]
    yield visitor, json.dumps(without_epoch).encode()


LAST = Told(1, placement="last")
ENDS = {partition_of(visitor.encode(), TOPICS.partitions): visitor for visitor in VISITORS}
WRITTEN = [record for visitor in SHOPPERS for record in written_for(visitor)]
WRITTEN += [(visitor, slate(visitor, LAST)) for visitor in ENDS.values()]
"""Every partition ends with a slate that is shown: whoever has printed all of these has read everything."""


def shown(visitor: str, told: Told) -> dict[str, Any]:
    """Say what an example prints of a slate."""
    return {
        "visitor_id": visitor,
        "placement": told.placement,
        "anchor": told.anchor,
        "slate_id": told.slate_id,
        "revision": told.revision,
        "products": ["tent", "日傘"],
    }


def expected() -> dict[str, list[dict[str, Any]]]:
    """Give what a shop shows to each visitor, in order."""
    lists = {visitor: [shown(visitor, told) for told in (*NEW, Told(7, placement="cart"))] for visitor in SHOPPERS}
    for visitor in ENDS.values():
        lists.setdefault(visitor, []).append(shown(visitor, LAST))
    return lists
