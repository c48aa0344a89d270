"""POST /v1/events: what pages and servers saw, written to `clickstream.events` before the answer says so."""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.record import epoch_ms
from streams.gateway.body import read_json
from streams.gateway.cleaning import Refusal, Sent, Taken, clean
from streams.gateway.clocks import Clocks
from streams.gateway.documented import EVENTS_DESCRIPTION, EVENTS_REQUEST, EVENTS_RESPONSES
from streams.gateway.origins import Origins
from streams.gateway.rates import EventRates
from streams.gateway.sending import BusyError, EventLog
from streams.gateway.visitor_cookie import DAY_S, NAME, Visitor, VisitorCookies, new_visitor_id
from streams.gateway.wire import MAX_BODY, MAX_EVENTS, EventBatch, Receipt, Rejected
from streams.settings import Settings
from streams.telemetry import count, observe
from streams.web.keys import KeyRing, bearer
from streams.web_settings import listed

PATH = "/v1/events"
RETRY_S = 2
"""When to send again what Kafka did not acknowledge."""


class Sorted(NamedTuple):
    """A batch's events: those to be written, by their place in it, and those that are not."""

    taken: list[tuple[int, Taken]]
    rejected: list[Rejected]


class Collector:
    """Answer requests that bring events.

    Args:
        log: where they go.
        keys: of servers.
        cookies: of browsers.
        settings: the installation's.
        now_ms: milliseconds since 1970.
    """

    def __init__(
        self,
        log: EventLog,
        keys: KeyRing,
        cookies: VisitorCookies,
        settings: Settings,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._log = log
        self._keys = keys
        self._cookies = cookies
        self._origins = Origins(listed(settings.gateway_origins))
        self._search_param = settings.gateway_search_param
        self._now_ms = now_ms
        self._rates = EventRates(settings.gateway_rate)
        self._clocks = Clocks()
        secure = "; Secure" if settings.gateway_secure_cookie else ""
        self._attributes = f"; HttpOnly; Path=/; SameSite=Lax{secure}"
        self._max_age = settings.gateway_cookie_days * DAY_S

    async def collect(self, request: Request) -> Response:
        """Take what can be taken, and say what became of each event."""
        headers = self._origins.headers(request)
        try:
            return await self._collect(request, headers)
        except HTTPException as refused:
            return _refusal(refused, headers)

    async def preflight(self, request: Request) -> Response:
        """Say what pages of a named origin may send."""
        try:
            return Response(status_code=204, headers=self._origins.preflight(request, methods="POST"))
        except HTTPException as refused:
            return _refusal(refused, {})

    async def _collect(self, request: Request, headers: dict[str, str]) -> Response:
        received_ms = self._now_ms()
        by_server = self._is_server(request)
        if not by_server:
            self._origins.check(request)
        batch = _batch(await read_json(request, most=MAX_BODY))
        visitor = None if by_server else self._cookies.read(request.cookies.get(NAME))
        if not by_server:
            self._rates.take(request, visitor and visitor.visitor_id, len(batch.events))
        visitor_id = "" if by_server else visitor.visitor_id if visitor else new_visitor_id()
        sent = Sent(
            "server" if by_server else "browser",
            received_ms,
            visitor_id=visitor_id,
            ahead_ms=self._ahead_ms(batch, visitor_id, received_ms),
            consent=batch.consent,
            private=request.headers.get("sec-gpc") == "1",
            search_param=self._search_param,
        )
        written, receipt = await self._write(_sort(batch.events, sent, known=visitor is not None), sent)
        for timing in batch.timings:
            observe("gateway_browser_seconds", timing.ms / 1000)
        if not by_server and written and (cookie := self._cookie(visitor, sent, written)):
            headers = headers | {"set-cookie": cookie}
        return _answer(receipt, headers)

    def _ahead_ms(self, batch: EventBatch, visitor_id: str, received_ms: int) -> int:
        """Say how far the sender's clock is ahead; servers are one sender."""
        if batch.sent_at is None:
            return 0
        return self._clocks.ahead_ms(visitor_id, epoch_ms(batch.sent_at) - received_ms)

    def _is_server(self, request: Request) -> bool:
        """Tell a server by its key.

        Raises:
            HTTPException: 401 nobody's key, 403 not a server's.
        """
        key = bearer(request.headers.get("authorization", ""))
        if key is None:
            return False
        holder = self._keys.holder(key)
        if holder is None:
            raise HTTPException(401, "not a key of this gateway", {"www-authenticate": "Bearer"})
        if holder.role != "server":
            raise HTTPException(403, f"a key with the role {holder.role}; events need the role server")
        return True

    async def _write(self, batch: Sorted, sent: Sent) -> tuple[list[Taken], Receipt]:
        """Write what was taken; gives what Kafka acknowledged, and what to answer."""
        taken, rejected = batch
        missing: Iterable[int] = ()
        why = "Kafka did not answer in time: send it again with its event_id"
        try:
            if taken:
                missing = await self._log.send([record for _, record in taken], sent.sender)
        except BusyError as error:
            missing, why = range(len(taken)), str(error)
        lost = {taken[place][0] for place in missing}
        written = [record for index, record in taken if index not in lost]
        rejected += [Rejected(index=index, reason="not_acknowledged", detail=why) for index in sorted(lost)]
        if written:
            count("gateway_events", len(written), outcome="accepted")
        for one in rejected:
            count("gateway_events", outcome=one.reason)
        return written, Receipt(accepted=len(written), rejected=sorted(rejected, key=lambda one: one.index))

    def _cookie(self, visitor: Visitor | None, sent: Sent, written: Iterable[Taken]) -> str | None:
        """Give the cookie that the answer sets: none for who is known, its end for who is forgotten."""
        if any(record.event.name == "forget" for record in written):
            return f"{NAME}={self._attributes}; Max-Age=0"
        if visitor is not None and not visitor.stale:
            return None
        return f"{NAME}={self._cookies.write(sent.visitor_id)}{self._attributes}; Max-Age={self._max_age}"


class RawRoute(APIRoute):
    """A route whose endpoint takes the request as it is: FastAPI documents it, and no more."""

    def get_route_handler(self) -> Callable[..., object]:  # type: ignore[override]
        """Give the endpoint itself."""
        return self.endpoint


def events_router(collector: Collector) -> APIRouter:
    """Give the routes of a collector."""
    router = APIRouter(route_class=RawRoute)
    router.add_api_route(
        PATH,
        collector.collect,
        methods=["POST"],
        status_code=202,
        response_model=Receipt,
        responses=EVENTS_RESPONSES,
        openapi_extra=EVENTS_REQUEST,
        summary="Send events",
        description=EVENTS_DESCRIPTION,
    )
    router.add_api_route(PATH, collector.preflight, methods=["OPTIONS"], include_in_schema=False)
    return router


def _batch(raw: Any) -> EventBatch:
    """Read an envelope, a list of events, or one event.

    Raises:
        HTTPException: 400 a broken envelope, 413 too many events.
    """
    enveloped = isinstance(raw, dict) and not raw.keys().isdisjoint(("events", "timings"))
    given = raw if enveloped else {"events": raw if isinstance(raw, list) else [raw]}
    events = given.get("events")
    if isinstance(events, list) and len(events) > MAX_EVENTS:
        raise HTTPException(413, f"at most {MAX_EVENTS} events")
    try:
        return EventBatch.model_validate(given)
    except ValidationError as error:
        wrong = [one["loc"] for one in error.errors(include_url=False, include_input=False)]
    if all(place[0] == "timings" for place in wrong):  # a page that measured nonsense still saw what it saw
        return EventBatch.model_validate({**given, "timings": []})
    raise HTTPException(400, f"not an envelope: {'.'.join(map(str, wrong[0]))}")


def _sort(events: Iterable[object], sent: Sent, *, known: bool) -> Sorted:
    """Clean each event on its own."""
    taken: list[tuple[int, Taken]] = []
    rejected = []
    for index, raw in enumerate(events):
        found = clean(raw, sent, known=known or bool(taken))
        if isinstance(found, Refusal):
            rejected.append(Rejected(index=index, reason=found.reason, detail=found.detail))
        else:
            taken.append((index, found))
    return Sorted(taken, rejected)


def _answer(receipt: Receipt, headers: dict[str, str]) -> Response:
    status = 202 if receipt.accepted or not receipt.rejected else 422
    if any(one.reason == "not_acknowledged" for one in receipt.rejected):
        status, headers = 503, headers | {"retry-after": str(RETRY_S)}
    return Response(receipt.model_dump_json(), status, headers, "application/json")


def _refusal(refused: HTTPException, headers: dict[str, str]) -> Response:
    return JSONResponse({"detail": refused.detail}, refused.status_code, {**headers, **(refused.headers or {})})
