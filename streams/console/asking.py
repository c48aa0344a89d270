"""What the pages ask: figures, visitors, and who somebody is."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from schemas.record import Id
from streams.console import streaming
from streams.console.entering import Door
from streams.console.operators import COOKIE, Session
from streams.console.roster import CONTEXTUAL
from streams.console.shortening import shortened
from streams.console.watching import Watching
from streams.gateway.visitor_cookie import NAME, VisitorCookies

MOST_STREAMS = 64

Shelf = Annotated[str | None, Query(max_length=32)]


class Sought(BaseModel):
    """Whom an operator looks for: the exact id."""

    visitor_id: Id


def figures_router(watching: Watching, door: Door, cookies: VisitorCookies) -> APIRouter:
    """Make the routes of the installation's figures.

    Args:
        watching: what is known.
        door: who may ask.
        cookies: of visitors, to tell which of them the operator's own browser is.
    """
    router = APIRouter(prefix="/console/api", include_in_schema=False)
    Known = Annotated[Session, Depends(door.session)]

    def own(request: Request) -> str | None:
        found = cookies.read(request.cookies.get(NAME))
        return found.visitor_id if found else None

    @router.get("/figures")
    async def figures(request: Request, _known: Known) -> dict[str, Any]:
        return {**watching.figures(), "visitors": watching.visitors(own(request))}

    @router.get("/figures/stream")
    async def figures_stream(request: Request, _known: Known) -> StreamingResponse:
        return _stream(watching, streaming.figures(watching, own(request), _over(door, request)))

    return router


def visitors_router(watching: Watching, door: Door) -> APIRouter:
    """Make the routes of visitors; arguments as of `figures_router`."""
    router = APIRouter(prefix="/console/api", include_in_schema=False)
    Known = Annotated[Session, Depends(door.session)]
    Operator = Annotated[Session, Depends(door.operator)]

    def named(handle: str) -> str:
        visitor_id = watching.visitor_of(handle)
        if visitor_id is None:
            raise HTTPException(404, "There is no such visitor, or not any more: look them up again.")
        return visitor_id

    @router.get("/visitors/{handle}")
    async def visitor(handle: str, _known: Known, shelf: Shelf = None) -> dict[str, Any]:
        visitor_id = named(handle)
        if watching.roster.get(visitor_id) is None:
            raise HTTPException(404, "Nothing of this visitor was read lately.")
        return await streaming.picture(watching, visitor_id, shelf)

    @router.get("/visitors/{handle}/stream")
    async def visitor_stream(request: Request, handle: str, _known: Known, shelf: Shelf = None) -> StreamingResponse:
        return _stream(watching, streaming.visitor(watching, named(handle), shelf, _over(door, request)))

    @router.post("/find")
    async def find(sought: Sought, operator: Operator) -> dict[str, Any]:
        visitor_id = sought.visitor_id
        if visitor_id.startswith(CONTEXTUAL):
            raise HTTPException(404, "That is nobody: such slates are made for visitors without consent.")
        door.note(operator.holder.name, "find", visitor_id)
        there = watching.roster.get(visitor_id) is not None
        return {"handle": watching.name(visitor_id), "short": shortened(visitor_id), "active": there}

    @router.post("/visitors/{handle}/reveal")
    async def reveal(handle: str, operator: Operator) -> dict[str, str]:
        visitor_id = named(handle)
        door.note(operator.holder.name, "reveal", visitor_id)
        return {"visitor_id": visitor_id}

    return router


def _over(door: Door, request: Request) -> Callable[[], bool]:
    """Say when a stream is to end: the process leaves, or the session is over."""
    cookie, app = request.cookies.get(COOKIE), request.app
    return lambda: app.state.leaving() or door.operators.read(cookie) is None


def _stream(watching: Watching, events: AsyncIterator[bytes]) -> StreamingResponse:
    if watching.lookers >= MOST_STREAMS:
        raise HTTPException(503, "Too many look at the moment.", {"Retry-After": "10"})
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)
