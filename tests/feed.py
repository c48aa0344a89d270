"""The slates' side of a gateway in memory: a clock that a test moves, a worker that it plays, and pages that listen."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import FastAPI

from schemas.products import Product
from schemas.record import from_epoch_ms
from streams.flow import LogRecord
from streams.gateway.callers import Callers
from streams.gateway.catalogue_log import LiveCatalogue
from streams.gateway.contextual import Contextual
from streams.gateway.event_stream import EventStream
from streams.gateway.hub import Hub
from streams.gateway.recommending import Recommending, recommending
from streams.gateway.shelves import Shelves
from streams.gateway.showing import Showcase
from streams.gateway.streaming import StreamResponse, streaming
from streams.gateway.visitor_cookie import NAME, VisitorCookies
from streams.settings import Settings
from streams.web.keys import KeyRing
from streams.web.site import build_site
from tests.collecting import MemoryEventLog
from tests.slates_held import NOON_MS, record

PRODUCTS = tuple(f"p{number}" for number in range(1, 9))


class Feed:
    """Everything but Kafka."""

    def __init__(
        self,
        *,
        per_s: float = 100,
        limit: int = 1000,
        asks: bool = True,
        cache_bytes: int = 1 << 24,
        **settings: Any,
    ) -> None:
        self.ms = NOON_MS
        self.s = 0.0
        self.log = MemoryEventLog()
        self.shelves = Shelves(cache_bytes, now_ms=lambda: self.ms)
        self.products = LiveCatalogue(now=self.now)
        self.hub = Hub(self.shelves, self.products, limit=limit, clock=lambda: self.s)
        self.showcase = Showcase(self.products, now=self.now, clock=lambda: self.s)
        self.contextual = Contextual(
            self.log if asks else None,
            hub=self.hub, shelves=self.shelves, products=self.products,
            per_s=per_s, clock=lambda: self.s, now=self.now,
        )  # fmt: skip
        self.cookies = VisitorCookies(["s" * 32])
        callers = Callers(self.cookies, KeyRing(None), Settings(_env_file=None, **settings))
        finder = Recommending(self.shelves, self.contextual, self.showcase, now=self.now)
        routers = [recommending(finder, callers), streaming(self.hub, self.showcase, callers)]
        self.app: FastAPI = build_site(title="test", routers=routers, services=())
        self.sell(*PRODUCTS)
        self.products.changed()

    def now(self) -> datetime:
        """Tell the time."""
        return from_epoch_ms(self.ms)

    def sell(self, *names: str, **fields: Any) -> None:
        """Put products into the catalogue."""
        for name in names:
            self.products.put_product(Product(product_id=name, title=f"Mug {name}", **fields))

    def take(self, *records: LogRecord) -> None:
        """Let slates come."""
        self.hub.take(records)

    def answer(self, *, products: Sequence[str] = ("p1", "p2"), after: int = 0) -> None:
        """Play the worker: decide what the events ask for that were written since the given one."""
        for number, (taken, _) in enumerate(self.log.records[after:], after):
            event = taken.event
            placement = {"view_item": "product", "search": "search"}.get(event.name) or (event.page and event.page.kind)
            anchor = event.items[0].product_id if event.items else event.query
            self.take(record(number, products, visitor=event.visitor_id, placement=placement or "", anchor=anchor))

    def cookie(self, visitor_id: str) -> dict[str, str]:
        """Give a browser's header."""
        return {"cookie": f"{NAME}={self.cookies.write(visitor_id)}"}


class Listener:
    """A page with an open stream; `reads` cleared, it takes nothing."""

    def __init__(self, feed: Feed, stream: EventStream) -> None:
        self.text = ""
        self.ended = False
        self.reads = asyncio.Event()
        self.reads.set()
        self._left = asyncio.Event()
        self._came = asyncio.Event()
        feed.hub.open(stream)
        response = StreamResponse(stream, feed.hub, feed.showcase, headers={})
        self.task = asyncio.create_task(response({"type": "http"}, self._receive, self._send))

    async def events(self, count: int) -> list[tuple[str, Any, str]]:
        """Wait for so many events in all; gives kind, data and id of each."""
        async with asyncio.timeout(5):
            while len(found := _parsed(self.text)) < count:
                self._came.clear()
                await self._came.wait()
        return found

    def leave(self) -> None:
        """Close the page."""
        self._left.set()

    async def _receive(self) -> dict[str, str]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.body":
            self.text += message["body"].decode()
            self.ended = not message["more_body"]
            self._came.set()


def _parsed(text: str) -> list[tuple[str, Any, str]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"]), fields.get("id", "")))
    return found
