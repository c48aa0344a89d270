"""One open stream: what its page is still to be told, newest only, and how that is written."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from streams.gateway.held_slate import HeldSlate, ShelfKey

RETRY = b"retry: 2000\n\n"
"""A browser whose stream ended comes back after so many milliseconds."""

HEARTBEAT = b": \n\n"


class Place(NamedTuple):
    """Where a slate stands in `recommendations`: what a browser tells when it comes back."""

    partition: int
    offset: int

    def write(self) -> str:
        """Write an event's id."""
        return f"{self.partition}-{self.offset}"

    def before(self, slate: HeldSlate) -> bool:
        """Tell whether a slate came after it; of another partition, nobody knows."""
        return slate.partition != self.partition or slate.offset > self.offset


def read_place(text: str | None) -> Place | None:
    """Read Last-Event-ID; what is none of ours is none at all.

    >>> read_place("3-17"), read_place("3-"), read_place(None)
    (Place(partition=3, offset=17), None, None)
    """
    partition, _, offset = (text or "").partition("-")
    numbers = [part for part in (partition, offset) if part.isascii() and part.isdigit() and len(part) < 19]
    return Place(int(partition), int(offset)) if len(numbers) == 2 else None


class Due(NamedTuple):
    """What a page is to be told now: slates, products that can no longer be bought, or only that somebody is here."""

    slates: list[HeldSlate]
    gone: list[str]
    beat: bool


class EventStream:
    """What one page is still to be told: the newest slate of each shelf, and what can no longer be bought.

    A slow reader finds the newest when it comes to read, and never a backlog.

    Args:
        visitor_id: whose.
        wanted: shelves to tell of; an anchor of None is every anchor of the placement, none at all is every shelf.
        seen: the last slate that the page has had.
    """

    __slots__ = ("_beat", "_due", "_gone", "_last", "_wake", "_wanted", "closed", "sent_at", "shown", "visitor_id")

    def __init__(self, visitor_id: str, *, wanted: Iterable[ShelfKey] = (), seen: Place | None = None) -> None:
        self.visitor_id = visitor_id
        self.shown: dict[ShelfKey, HeldSlate] = {}
        self.closed = False
        self.sent_at = 0.0
        self._wanted = frozenset(wanted)
        self._last = seen
        self._due: dict[ShelfKey, HeldSlate] = {}
        self._gone: dict[str, None] = {}
        self._beat = False
        self._wake = asyncio.Event()

    def wants(self, shelf: ShelfKey) -> bool:
        """Tell whether the page asked for a shelf."""
        return not self._wanted or shelf in self._wanted or (shelf[0], None) in self._wanted

    def show(self, slate: HeldSlate) -> None:
        """Tell the page of a slate, instead of any other of its shelf that it was not told of yet."""
        self.shown[slate.shelf] = self._due[slate.shelf] = slate
        self._wake.set()

    def has(self, slate: HeldSlate) -> bool:
        """Tell whether the page has a slate or a newer one, or is about to get it."""
        shown = self.shown.get(slate.shelf)
        return shown is not None and not slate.replaces(shown)

    def had(self, slate: HeldSlate) -> bool:
        """Tell whether the page had a slate before it came back; then it is on the page already."""
        if self._last is None or self._last.before(slate):
            return False
        self.shown[slate.shelf] = slate
        return True

    def keep(self, now_ms: int) -> None:
        """Forget what is stale."""
        for shelf in [shelf for shelf, slate in self.shown.items() if slate.expires_ms <= now_ms]:
            del self.shown[shelf]

    def withdraw(self, product_ids: Iterable[str]) -> None:
        """Tell the page that products can no longer be bought."""
        self._gone.update(dict.fromkeys(product_ids))
        self._wake.set()

    def restore(self, product_ids: Iterable[str]) -> None:
        """Take back what the page was not told of yet: these can be bought again."""
        for product_id in product_ids:
            self._gone.pop(product_id, None)

    def beat(self) -> None:
        """Let the page, and what lies between, know that there is still somebody here."""
        self._beat = True
        self._wake.set()

    def close(self) -> None:
        """End the stream; the browser comes back."""
        self.closed = True
        self._wake.set()

    async def due(self) -> Due:
        """Wait for something to tell; slates come in the order they were written."""
        await self._wake.wait()
        self._wake.clear()
        slates = sorted(self._due.values(), key=lambda slate: slate.offset)
        gone, beat = list(self._gone), self._beat
        self._due.clear()
        self._gone.clear()
        self._beat = False
        return Due(slates, gone, beat)

    def tag(self, slate: HeldSlate) -> str:
        """Give a slate's id for the page to remember; "" where that would take it back behind what it has had."""
        if self._last is not None and not self._last.before(slate):
            return ""
        self._last = Place(slate.partition, slate.offset)
        return self._last.write()


def slate_event(shelf: bytes, tag: str) -> bytes:
    """Write a shelf, as JSON, for the page."""
    return (b"id: %s\n" % tag.encode() if tag else b"") + b"event: slate\ndata: %s\n\n" % shelf


def withdraw_event(product_ids: list[str]) -> bytes:
    """Write which products are gone."""
    return b"event: withdraw\ndata: %s\n\n" % orjson.dumps({"product_ids": product_ids})
