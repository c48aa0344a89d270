"""Slates as the gateway reads them, made by hand."""

from collections.abc import Sequence
from typing import Any

from schemas.record import from_epoch_ms
from schemas.slates import Cause, Lineage, Slate, SlateItem
from streams.flow import LogRecord
from streams.gateway.held_slate import HeldSlate, read_slate

NOON_MS = 1_777_636_800_000
"""2026-05-01T12:00:00Z."""


def record(
    number: int,
    products: Sequence[str] = ("p1",),
    *,
    visitor: str = "v",
    placement: str = "home",
    anchor: str | None = None,
    revision: int = 0,
    offset: int | None = None,
    partition: int = 0,
    epoch: int = 0,
    expires_ms: int = NOON_MS + 1_800_000,
    **fields: Any,
) -> LogRecord:
    """Give the record of the slate that answers event `number`; by default it stands where the event does."""
    at = from_epoch_ms(NOON_MS + number)
    name = fields.pop("slate_id", f"s-{partition}-{number}-{placement}-0685")
    slate = Slate(
        slate_id=name,
        revision=revision,
        visitor_id=visitor,
        placement=placement,
        anchor=anchor,
        items=tuple(SlateItem(product_id=one, rank=rank, score=1.0) for rank, one in enumerate(products, 1)),
        cause=Cause(topic="clickstream.events", partition=partition, offset=number, epoch=epoch, event_id=f"e{number}"),
        lineage=Lineage(settings="s", build="b"),
        event_at=at,
        decided_at=at,
        expires_at=from_epoch_ms(expires_ms),
        **fields,
    )
    place = number if offset is None else offset
    return LogRecord(partition, place, NOON_MS + number, visitor.encode(), slate.encode())


def held(number: int, products: Sequence[str] = ("p1",), **fields: Any) -> HeldSlate:
    """Give the same as it is held."""
    return read_slate(record(number, products, **fields))
