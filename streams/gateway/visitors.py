"""What a shop's servers may do with visitors besides reading their shelves."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.events import CONTEXT_VISITOR, Event
from schemas.record import epoch_ms
from streams.gateway.body import read_json
from streams.gateway.callers import Callers, checked_id
from streams.gateway.catalogue_log import utc_now
from streams.gateway.cleaning import Taken
from streams.gateway.sending import BusyError, EventLog
from streams.gateway.wire import Receipt

RETRY_S = 2
MAX_BODY = 4096


class BrowserCookie(BaseModel):
    """The value of a browser's cookie `aisle_visitor`."""

    model_config = ConfigDict(frozen=True)

    cookie: Annotated[str, Field(max_length=512)]


class KnownVisitor(BaseModel):
    """Whom a cookie names."""

    model_config = ConfigDict(frozen=True)

    visitor_id: str


def visitors(log: EventLog, callers: Callers, *, now: Callable[[], datetime] = utc_now) -> APIRouter:
    """Give the routes; `log` is where a `forget` goes."""
    router = APIRouter(prefix="/v1/visitors", tags=["servers"])

    @router.delete("/{visitor_id}", status_code=202)
    async def forget(request: Request, visitor_id: str) -> Receipt:
        """Forget a visitor, as if they had asked for it on a page."""
        callers.check_server(request)
        at = now()
        name = checked_id(visitor_id)
        if name.startswith(CONTEXT_VISITOR):  # or nobody in particular would be shown anything
            raise HTTPException(422, f"{CONTEXT_VISITOR} begins the ids of contexts, which are nobody's.")
        event = Event(event_id=f"forget-{epoch_ms(at)}-{time.monotonic_ns()}", name="forget", visitor_id=name, at=at)
        try:
            missing = await log.send([Taken(event, event.encode())], "server")
        except BusyError as error:
            raise _busy(str(error)) from None
        if missing:
            raise _busy("Kafka did not answer in time")
        return Receipt(accepted=1)

    @router.post("/resolve", openapi_extra=_ASKED)
    async def resolve(request: Request) -> KnownVisitor:
        """Say whom a browser's cookie names, so that a server can send what that visitor bought."""
        callers.check_server(request)
        visitor = callers.cookies.read(await _cookie(request))
        if visitor is None:
            raise HTTPException(404, "This cookie was not made here.")
        return KnownVisitor(visitor_id=visitor.visitor_id)

    return router


_ASKED = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": BrowserCookie.model_json_schema()}}}
}


async def _cookie(request: Request) -> str:
    """Read the body, which FastAPI would read whole before anything is checked."""
    try:
        return BrowserCookie.model_validate(await read_json(request, most=MAX_BODY)).cookie
    except ValidationError:
        raise HTTPException(422, "An object with the text `cookie` is wanted.") from None


def _busy(why: str) -> HTTPException:
    return HTTPException(503, why, {"Retry-After": str(RETRY_S)})
