"""What every visitor's shelves show: the newest slate of each placement and anchor.

A gateway reads everybody's slates and shows few of them, so that a slate stays the bytes it is until somebody asks.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.record import epoch_ms
from schemas.slates import of_campaign
from schemas.topics import DAY_MS, SLATES
from streams.flow import LogRecord
from streams.gateway.held_slate import HeldSlate, ShelfKey, expiry_ms, is_campaign, read_slate
from streams.telemetry import count
from streams.unreadable import unreadable

VISITOR_BYTES = 600
SLATE_BYTES = 800
"""What a visitor and a slate take beside the slates' bytes, as measured."""

UNREAD = 8
"""Slates of one visitor that wait to be read; then all but the newest of each shelf go."""

SHELVES = 100
"""Of one visitor: who leafs through a thousand products has a shelf on each page, and each look goes through all."""

FORGOTTEN = 100_000
"""Who was forgotten last; of those before, no slate is under way any more."""

SWEPT = 2_000
"""Visitors looked at with each sweep: more than come between two. Else memory fills with what is stale."""

KEPT_MS = DAY_MS
"""Who was forgotten is remembered as long as slates are kept."""


class Forgotten(NamedTuple):
    """Up to which event a visitor is forgotten; without a place (the worker has not said so yet) whatever comes."""

    at_ms: int
    place: tuple[int, int, int] | None = None

    def covers(self, slate: HeldSlate) -> bool:
        """Tell whether a slate must not be shown any more."""
        if self.place is None:
            return True
        if slate.cause[0] != self.place[0]:
            return slate.appended_ms <= self.at_ms
        return slate.cause <= self.place


class _Visitor:
    """One visitor's shelves, and what came since somebody looked; `bytes` is what both take."""

    __slots__ = ("bytes", "expires_ms", "shelves", "unread")

    def __init__(self) -> None:
        self.shelves: dict[ShelfKey, HeldSlate] = {}
        self.unread: list[LogRecord] = []
        self.bytes = VISITOR_BYTES
        self.expires_ms = 0


class Shelves:
    """The newest slates of visitors, within a given memory: who was longest out of sight goes first.

    Args:
        limit_bytes: memory.
        now_ms: milliseconds since 1970.
    """

    def __init__(self, limit_bytes: int, *, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._limit = limit_bytes
        self.now_ms = now_ms
        self._visitors: OrderedDict[str, _Visitor] = OrderedDict()
        self._forgotten: OrderedDict[str, Forgotten] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._visitors)

    def put(self, record: LogRecord) -> str | None:
        """Take the next record of `recommendations`; gives the visitor it may change something for."""
        visitor_id = (record.key or b"").decode(errors="replace")
        if record.value is None:
            self._drop(visitor_id)
            return visitor_id
        if is_campaign(record.value):
            count("gateway_slates", outcome="campaign")
            return None
        expires_ms = expiry_ms(record.value)
        if expires_ms <= self.now_ms():
            count("gateway_slates", outcome="stale")
            return None
        count("gateway_slates", outcome="taken")
        visitor = self._visitors.get(visitor_id)
        if visitor is None:
            visitor = self._visitors[visitor_id] = _Visitor()
            self.bytes += visitor.bytes
        visitor.unread.append(record)
        visitor.expires_ms = max(visitor.expires_ms, expires_ms)
        self._weigh(visitor, SLATE_BYTES + len(record.value))
        if len(visitor.unread) > UNREAD:
            self._read(visitor_id, visitor)
        self._visitors.move_to_end(visitor_id)
        self._fit()
        return visitor_id

    def of(self, visitor_id: str) -> Mapping[ShelfKey, HeldSlate]:
        """Give a visitor's shelves as they are now, without what is stale."""
        visitor = self._visitors.get(visitor_id)
        if visitor is None:
            return {}
        self._visitors.move_to_end(visitor_id)
        if visitor.unread:
            self._read(visitor_id, visitor)
        now_ms = self.now_ms()
        return {shelf: slate for shelf, slate in visitor.shelves.items() if slate.expires_ms > now_ms}

    def newest(self, visitor_id: str, placement: str, anchor: str | None = None) -> HeldSlate | None:
        """Give the newest slate of a placement, and of an anchor where one is named; None for none."""
        found = None
        for (name, of), slate in self.of(visitor_id).items():
            if name == placement and (anchor is None or of == anchor) and (found is None or slate.replaces(found)):
                found = slate
        return found

    def forget(self, visitor_id: str) -> None:
        """Show nothing of a visitor any more, who has just asked for it."""
        self._drop(visitor_id)
        self._remember(visitor_id, Forgotten(self.now_ms()))

    def erase(self, erasure: Erasure) -> bool:
        """Show nothing of a visitor that answers an event up to their `forget`; says whether it concerns anybody."""
        at_ms = epoch_ms(erasure.until)
        if erasure.subject != "visitor" or at_ms + KEPT_MS < self.now_ms():
            return False
        origin = erasure.origin
        self._remember(erasure.subject_id, Forgotten(at_ms, (origin.partition, origin.epoch, origin.offset)))
        visitor = self._visitors.get(erasure.subject_id)
        if visitor is not None:
            self._read(erasure.subject_id, visitor)
        return True

    def sweep(self) -> None:
        """Let some go whose slates are all stale, and whose `forget` is long ago."""
        now_ms = self.now_ms()
        for _ in range(min(SWEPT, len(self._visitors))):
            visitor_id = next(iter(self._visitors))
            if self._visitors[visitor_id].expires_ms > now_ms:
                break
            self._drop(visitor_id)
        while self._forgotten and next(iter(self._forgotten.values())).at_ms + KEPT_MS < now_ms:
            self._forgotten.popitem(last=False)

    def _read(self, visitor_id: str, visitor: _Visitor) -> None:
        """Put what came on its shelves, unless something newer is there."""
        forgotten = self._forgotten.get(visitor_id)
        found = visitor.shelves if forgotten is None else {}
        unread, visitor.unread = visitor.unread, []
        kept = [] if forgotten is None else visitor.shelves.values()
        for slate in (*kept, *filter(None, map(_readable, unread))):
            if forgotten is not None and forgotten.covers(slate):
                continue
            before = found.get(slate.shelf)
            if before is None or slate.replaces(before):
                found[slate.shelf] = slate
        now_ms = self.now_ms()
        fresh = [pair for pair in found.items() if pair[1].expires_ms > now_ms]
        if len(fresh) > SHELVES:
            fresh = sorted(fresh, key=lambda pair: (pair[1].appended_ms, pair[1].offset))[-SHELVES:]
        visitor.shelves = dict(fresh)
        self._weigh(visitor, VISITOR_BYTES + sum(map(_bytes_of, visitor.shelves.values())) - visitor.bytes)

    def _weigh(self, visitor: _Visitor, more: int) -> None:
        visitor.bytes += more
        self.bytes += more

    def _fit(self) -> None:
        while self.bytes > self._limit and len(self._visitors) > 1:
            self._drop(next(iter(self._visitors)))
            count("gateway_slates", outcome="evicted")

    def _drop(self, visitor_id: str) -> None:
        visitor = self._visitors.pop(visitor_id, None)
        if visitor is not None:
            self.bytes -= visitor.bytes

    def _remember(self, visitor_id: str, forgotten: Forgotten) -> None:
        self._forgotten[visitor_id] = forgotten
        self._forgotten.move_to_end(visitor_id)
        if len(self._forgotten) > FORGOTTEN:
            self._forgotten.popitem(last=False)


def _readable(record: LogRecord) -> HeldSlate | None:
    try:
        slate = read_slate(record)
    except DecodeError as error:
        unreadable(SLATES, str(error), partition=record.partition, offset=record.offset)
        return None
    return None if of_campaign(slate.slate_id) else slate


def _bytes_of(slate: HeldSlate) -> int:
    """Estimate what a slate takes that was read: names of products and reasons are shared."""
    return SLATE_BYTES + 120 * len(slate.items)
