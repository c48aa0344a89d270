"""GET /v1/recommendations: the shelf of a visitor, or where there is none, of the context."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, NamedTuple

import orjson
from fastapi import APIRouter, Query, Request, Response

from schemas.record import MAX_ID_CHARS, rfc3339
from streams.gateway.callers import MAX_ANCHOR, Callers, checked_id, known_placement
from streams.gateway.catalogue_log import utc_now
from streams.gateway.context import context_of
from streams.gateway.contextual import Contextual
from streams.gateway.delivery import PlainShelf
from streams.gateway.shelves import Shelves
from streams.gateway.showing import Showcase
from streams.gateway.wire import Shelf

PRIVATE = "private, no-store"
PUBLIC = "public, max-age=30"
UNKNOWN = "no-store"


class Wanted(NamedTuple):
    """What a page asks for."""

    placement: str
    anchor: str | None
    country: str | None
    device: str | None
    campaign: str | None


class Answer(NamedTuple):
    """A shelf as JSON; `known` is False for one with nothing on it."""

    body: bytes
    known: bool


class Recommending:
    """Finds the shelf that a page asks for.

    Args:
        shelves: visitors' slates.
        contextual: slates of contexts.
        showcase: writes shelves.
        now: the time.
    """

    def __init__(
        self,
        shelves: Shelves,
        contextual: Contextual,
        showcase: Showcase,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._shelves = shelves
        self._contextual = contextual
        self._showcase = showcase
        self._now = now

    async def shelf(self, visitor_id: str | None, wanted: Wanted) -> Answer:
        """Give a visitor's shelf, or that of their context."""
        country = wanted.country and wanted.country.upper()
        if visitor_id is not None:
            slate = self._shelves.newest(visitor_id, wanted.placement, wanted.anchor)
            if slate is not None:
                return Answer(self._showcase.write(slate, country=country), known=True)
        context = context_of(
            wanted.placement,
            anchor=wanted.anchor,
            country=country,
            device=wanted.device,
            campaign=wanted.campaign,
        )
        slate = None if context is None else await self._contextual.slate(context)
        if slate is None:
            return Answer(orjson.dumps(self._empty(wanted)), known=False)
        return Answer(self._showcase.write_contextual(slate, country=country), known=True)

    def _empty(self, wanted: Wanted) -> PlainShelf:
        now = rfc3339(self._now())
        shelf: PlainShelf = {
            "slate_id": "",
            "revision": 0,
            "placement": wanted.placement,
            "contextual": True,
            "event_id": "",
            "event_at": now,
            "expires_at": now,
            "items": [],
            "reserves": [],
        }
        return shelf if wanted.anchor is None else shelf | {"anchor": wanted.anchor}


async def wanted(
    placement: Annotated[str, Query(description="Which shelf.")],
    product_id: Annotated[str | None, Query(max_length=MAX_ID_CHARS, description="Anchor of `product`.")] = None,
    anchor: Annotated[str | None, Query(max_length=MAX_ANCHOR, description="Anchor of other shelves.")] = None,
    country: Annotated[str | None, Query(max_length=8, description="Whose prices and stock count.")] = None,
    device: Annotated[str | None, Query(max_length=16, description="mobile, tablet or desktop.")] = None,
    campaign: Annotated[str | None, Query(max_length=128, description="utm_campaign.")] = None,
    query: Annotated[str | None, Query(max_length=512, description="Anchor of `search`: the words.")] = None,
) -> Wanted:
    """Read what a page asks for; async, or FastAPI would take it to another thread."""
    own = {"product": product_id, "search": query}.get(known_placement(placement))
    return Wanted(placement, own or anchor or None, country or None, device or None, campaign or None)


def recommending(finder: Recommending, callers: Callers) -> APIRouter:
    """Give the routes of shelves."""
    from fastapi import Depends

    router = APIRouter(prefix="/v1", tags=["slates"])
    asked = Annotated[Wanted, Depends(wanted)]

    async def given(request: Request, visitor_id: str | None, what: Wanted, caching: str) -> Response:
        own = what._replace(anchor=callers.anchor(what.placement, what.anchor))
        answer = await finder.shelf(visitor_id, own)
        return answered(request, answer, callers.headers(request) | {"cache-control": caching})

    @router.get("/recommendations", response_model=Shelf, responses=_SHELF)
    async def recommendations(request: Request, what: asked) -> Response:
        """Give a shelf of the browser's visitor; without one, or without a slate, what anybody is shown."""
        visitor_id = callers.visitor_of(request)
        return await given(request, visitor_id, what, PUBLIC if visitor_id is None else PRIVATE)

    path, key_first = "/visitors/{visitor_id}/recommendations", [Depends(callers.check_server)]

    @router.get(path, response_model=Shelf, responses=_SHELF, dependencies=key_first)
    async def of_visitor(request: Request, visitor_id: str, what: asked) -> Response:
        """Give a shelf of any visitor; for servers."""
        return await given(request, checked_id(visitor_id), what, PRIVATE)

    return router


_SHELF: dict[int | str, dict[str, object]] = {
    304: {"description": "As the page has it."},
    404: {"description": "No such placement."},
}


def answered(request: Request, answer: Answer, headers: dict[str, str]) -> Response:
    """Answer with a shelf, or that it is as before."""
    tag = f'"{hashlib.blake2b(answer.body, digest_size=8).hexdigest()}"'
    headers = headers | ({"etag": tag} if answer.known else {"cache-control": UNKNOWN})
    known = request.headers.get("if-none-match", "")
    if answer.known and tag in {one.strip().removeprefix("W/") for one in known.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type="application/json")
