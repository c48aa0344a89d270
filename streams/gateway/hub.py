"""Everybody's open streams: who is told what, when slates come and products go."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from schemas.erasures import Erasure
from streams.flow import LogRecord
from streams.gateway.catalogue_log import LiveCatalogue
from streams.gateway.event_stream import EventStream
from streams.gateway.held_slate import HeldSlate
from streams.gateway.shelves import Shelves
from streams.telemetry import gauge

TICK_S = 0.5
BREATH_S = 0.05
"""Between two looks at all streams: a load of products changes the catalogue hundreds of times a second."""

HEARTBEAT_S = 15.0
PER_VISITOR = 20
AT_ONCE = 200
"""Streams looked at before others have their turn."""


class FullError(Exception):
    """No more streams: of this visitor (`everybody` False), or of this process."""

    def __init__(self, *, everybody: bool) -> None:
        super().__init__()
        self.everybody = everybody


class Hub:
    """A service: open streams, by visitor.

    Args:
        shelves: what there is to show.
        products: what can be bought.
        limit: most open streams.
        clock: monotonic seconds.
    """

    name = "streams"

    def __init__(
        self,
        shelves: Shelves,
        products: LiveCatalogue,
        *,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelves = shelves
        self._products = products
        self._limit = limit
        self._clock = clock
        self._streams: dict[str, list[EventStream]] = {}
        self._count = 0
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._news = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return self._count

    async def run(self) -> None:
        """Tell of products that come and go, and keep quiet streams open, until cancelled."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), TICK_S)
                self._news.clear()
                await self.offers()
                self.beat()
                self._shelves.sweep()
                gauge("gateway_shelves", len(self._shelves))
                gauge("gateway_streams", self._count)
                await asyncio.sleep(BREATH_S)
        finally:
            self.leave()

    def lacks(self) -> list[str]:
        """Say what is missing: nothing ever."""
        return []

    def stuck(self) -> list[str]:
        """Say what does not go on: nothing ever."""
        return []

    def open(self, stream: EventStream) -> None:
        """Tell a stream what there is, and from now on what is new.

        Raises:
            FullError: there are too many.
        """
        streams = self._streams.get(stream.visitor_id, [])
        if self._count >= self._limit or len(streams) >= PER_VISITOR:
            raise FullError(everybody=self._count >= self._limit)
        self._streams[stream.visitor_id] = [*streams, stream]
        self._count += 1
        stream.sent_at = self._clock()
        gone: list[str] = []
        for slate in self._shelves.of(stream.visitor_id).values():
            if not stream.wants(slate.shelf):
                continue
            if stream.had(slate):
                gone += self._unavailable(slate)
            else:
                stream.show(slate)
        if gone:
            stream.withdraw(gone)
        if self._closed:
            stream.close()

    def close(self, stream: EventStream) -> None:
        """Let go of a stream whose page is gone."""
        streams = [other for other in self._streams.get(stream.visitor_id, ()) if other is not stream]
        if len(streams) == len(self._streams.get(stream.visitor_id, ())):
            return
        self._count -= 1
        if streams:
            self._streams[stream.visitor_id] = streams
        else:
            del self._streams[stream.visitor_id]

    def heard(self, stream: EventStream) -> None:
        """Note that a page was just told something."""
        stream.sent_at = self._clock()

    def take(self, records: Sequence[LogRecord]) -> None:
        """Take the next records of `recommendations`."""
        concerned = dict.fromkeys(filter(None, map(self._shelves.put, records)))
        for visitor_id in concerned:
            if visitor_id in self._streams:
                self._tell(visitor_id)
            for waiting in self._waiting.pop(visitor_id, ()):
                if not waiting.done():
                    waiting.set_result(None)

    async def arrival(self, visitor_id: str, *, within_s: float) -> None:
        """Wait for the next slate of a visitor, so long at most."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(visitor_id, []).append(waiting)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await waiting
        finally:
            self._waive(visitor_id, waiting)

    def forget(self, visitor_id: str) -> None:
        """Show nothing of a visitor any more, who has just asked for it."""
        self._shelves.forget(visitor_id)
        self._end(visitor_id)

    def erase(self, erasure: Erasure) -> None:
        """The same, as every gateway learns it."""
        if self._shelves.erase(erasure):
            self._end(erasure.subject_id)

    def products_changed(self) -> None:
        """Look soon at what can be bought."""
        self._news.set()

    async def offers(self) -> None:
        """Tell pages of their products that can no longer be bought, and show shelves again whose products are back."""
        changed = self._products.changed()
        if not changed:
            return
        back = frozenset(filter(self._products.purchasable, changed))
        for place, stream in enumerate(self._all(), 1):
            self._offer(stream, changed, back)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)

    def beat(self) -> None:
        """Send a heartbeat to those that were told nothing for long."""
        now = self._clock()
        for stream in self._all():
            if now - stream.sent_at >= HEARTBEAT_S:
                stream.sent_at = now
                stream.beat()

    def leave(self) -> None:
        """End all streams: the process is about to stop."""
        self._closed = True
        for stream in self._all():
            stream.close()

    def _tell(self, visitor_id: str) -> None:
        shelves, now_ms = self._shelves.of(visitor_id), self._shelves.now_ms()
        for stream in self._streams[visitor_id]:
            stream.keep(now_ms)
            for shelf, slate in shelves.items():
                if stream.wants(shelf) and not stream.has(slate):
                    stream.show(slate)

    def _offer(self, stream: EventStream, changed: frozenset[str], back: frozenset[str]) -> None:
        gone: dict[str, None] = {}
        stream.restore(back)
        for slate in list(stream.shown.values()):
            concerned = changed.intersection([pick.product_id for pick in slate.items])
            if concerned & back:
                stream.show(slate)
            gone |= dict.fromkeys(sorted(concerned - back))
        if gone:
            stream.withdraw(gone)

    def _unavailable(self, slate: HeldSlate) -> Iterable[str]:
        return (pick.product_id for pick in slate.items if not self._products.purchasable(pick.product_id))

    def _end(self, visitor_id: str) -> None:
        for stream in self._streams.get(visitor_id, ()):
            stream.close()

    def _all(self) -> Iterator[EventStream]:
        return (stream for streams in list(self._streams.values()) for stream in streams)

    def _waive(self, visitor_id: str, waiting: "asyncio.Future[None]") -> None:
        left = [other for other in self._waiting.get(visitor_id, ()) if other is not waiting]
        if left:
            self._waiting[visitor_id] = left
        else:
            self._waiting.pop(visitor_id, None)
