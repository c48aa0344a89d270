"""GET /v1/stream: a page's shelves as they change, as server-sent events."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from starlette.types import Receive, Scope, Send

from streams.gateway.callers import Callers, checked_id
from streams.gateway.event_stream import HEARTBEAT, RETRY, Due, EventStream, read_place, slate_event, withdraw_event
from streams.gateway.hub import PER_VISITOR, FullError, Hub
from streams.gateway.showing import Showcase
from streams.telemetry import count, observe

HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would collect events otherwise
}
BUSY_S = 10

Shelf = Annotated[tuple[str, ...], Query(description="A placement, or `placement:anchor`; none: every shelf.")]
LastEventId = Annotated[str | None, Header(description="The last slate the page has had; only newer ones come.")]


def streaming(hub: Hub, showcase: Showcase, callers: Callers) -> APIRouter:
    """Give the routes of streams."""
    router = APIRouter(prefix="/v1", tags=["slates"])

    def opened(request: Request, visitor_id: str, shelf: tuple[str, ...], last_event_id: str | None) -> Response:
        stream = EventStream(visitor_id, wanted=callers.shelves(shelf), seen=read_place(last_event_id))
        try:
            hub.open(stream)
        except FullError as full:
            raise _full(everybody=full.everybody) from None
        return StreamResponse(stream, hub, showcase, headers=callers.headers(request))

    @router.get("/stream", response_class=Response, responses=_STREAM | {204: {"description": "Nobody known."}})
    async def stream(request: Request, shelf: Shelf = (), last_event_id: LastEventId = None) -> Response:
        """Follow the shelves of the browser's visitor: `slate` and `withdraw` events."""
        visitor_id = callers.visitor_of(request)
        if visitor_id is None:
            return Response(status_code=204, headers=callers.headers(request) | {"cache-control": "no-store"})
        return opened(request, visitor_id, shelf, last_event_id)

    path, key_first = "/visitors/{visitor_id}/stream", [Depends(callers.check_server)]

    @router.get(path, response_class=Response, responses=_STREAM, dependencies=key_first)
    async def of_visitor(
        request: Request,
        visitor_id: str,
        shelf: Shelf = (),
        last_event_id: LastEventId = None,
    ) -> Response:
        """Follow any visitor's shelves; for servers."""
        return opened(request, checked_id(visitor_id), shelf, last_event_id)

    return router


class StreamResponse(Response):
    """One stream, written as long as its page listens: one task, and one that waits for the page to go.

    Args:
        stream: what to tell; opened.
        hub: lets go of it in the end.
        showcase: writes shelves.
        headers: of this answer.
    """

    def __init__(self, stream: EventStream, hub: Hub, showcase: Showcase, *, headers: dict[str, str]) -> None:
        super().__init__(headers=HEADERS | headers)
        del self.headers["content-length"]
        self._stream = stream
        self._hub = hub
        self._showcase = showcase
        self._opened_ms = _now_ms()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write events until the page is gone, or the stream is closed."""
        del scope
        gone = asyncio.create_task(self._gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": RETRY, "more_body": True})
            while not self._stream.closed:
                due = await self._stream.due()
                if body := self._written(due):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                    self._sent(due)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._hub.close(self._stream)
            gone.cancel()

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.close()

    def _written(self, due: Due) -> bytes:
        parts = [slate_event(self._showcase.write(slate), self._stream.tag(slate)) for slate in due.slates]
        if due.gone:
            parts.append(withdraw_event(due.gone))
        return b"".join(parts) or (HEARTBEAT if due.beat else b"")

    def _sent(self, due: Due) -> None:
        self._hub.heard(self._stream)
        now_ms = _now_ms()
        for slate in due.slates:
            if slate.appended_ms >= self._opened_ms:
                observe("gateway_slate_seconds", max(0, now_ms - slate.appended_ms) / 1000)
        if due.slates:
            count("gateway_slates", len(due.slates), outcome="streamed")


_STREAM: dict[int | str, dict[str, object]] = {
    200: {"description": "Events `slate` (a Shelf) and `withdraw`.", "content": {"text/event-stream": {}}},
    429: {"description": "Too many streams of this visitor."},
    503: {"description": "Too many streams of this gateway."},
}


def _full(*, everybody: bool) -> HTTPException:
    if everybody:
        return HTTPException(503, "No more streams here for now.", {"Retry-After": str(BUSY_S)})
    return HTTPException(429, f"A visitor has at most {PER_VISITOR} streams.", {"Retry-After": str(BUSY_S)})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
