"""The door: the page, logging in and out, and who is asking."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Cookie, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from schemas.errors import RetryError
from streams.console.audit import AuditLog, Deed
from streams.console.operators import COOKIE, LASTS_S, Operators, Session
from streams.console.pages import asset, page
from streams.web.buckets import Buckets, retry_after
from streams.web.gate import network_of

MOST_BODY = 4096

SAID = {
    "wrong": "This is no key of an operator.",
    "often": "Too many attempts: wait a minute.",
    "again": "",
}


class Door:
    """Who may come in.

    Args:
        operators: exchanges keys for cookies.
        audit: is told who comes and goes.
    """

    def __init__(self, operators: Operators, audit: AuditLog) -> None:
        self.operators, self.audit = operators, audit
        self._attempts = Buckets(per_s=1 / 12, burst=5)
        self._together = Buckets(per_s=1, burst=50)

    def session(self, request: Request) -> Session:
        """Give who is asking.

        Raises:
            HTTPException: 401, nobody known.
        """
        found = self.operators.read(request.cookies.get(COOKIE))
        if found is None:
            raise HTTPException(401, "Log in first.")
        return found

    def operator(self, request: Request) -> Session:
        """Give who is asking, if they may act.

        Raises:
            HTTPException: 401, nobody known; 403, somebody who may only look.
        """
        found = self.session(request)
        if found.holder.role != "operate":
            raise HTTPException(403, "This needs a key of the role operate.")
        return found

    def wait_s(self, client: str) -> float:
        """Take an attempt of a client; gives how long to wait where there is none."""
        return self._attempts.take(network_of(client)) or self._together.take("")

    def note(self, who: str, what: Deed, visitor_id: str | None = None) -> None:
        """Write something down, before it is done.

        Raises:
            HTTPException: 503, it cannot be written.
        """
        try:
            self.audit.write(who, what, visitor_id)
        except RetryError as error:
            raise HTTPException(503, str(error)) from None

    def set_cookie(self, request: Request, response: Response, value: str) -> None:
        """Give a browser its cookie."""
        response.set_cookie(
            COOKIE, value, max_age=LASTS_S, path="/console", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip


def door_router(door: Door) -> APIRouter:
    """Make the door's routes."""
    router = APIRouter(include_in_schema=False)
    Known = Annotated[Session, Depends(door.session)]

    @router.get("/console")
    async def console(cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None) -> HTMLResponse:
        known = door.operators.read(cookie)
        return HTMLResponse(page("console.html") if known else login_page("again"))

    router.get("/console/assets/{name}")(_asset)

    @router.post("/console/login")
    async def login(request: Request) -> Response:
        return await _login(door, request)

    @router.post("/console/logout")
    async def logout(known: Known) -> Response:
        door.note(known.holder.name, "logout")
        if not door.operators.open:
            door.operators.logout(known)
        response = RedirectResponse("/console", 303)
        response.delete_cookie(COOKIE, path="/console", httponly=True, samesite="strict")
        return response

    @router.get("/console/api/me")
    async def me(request: Request, response: Response, known: Known) -> dict[str, str | bool]:
        if known.stale:
            door.set_cookie(request, response, door.operators.cookie(known))
        return {"name": known.holder.name, "role": known.holder.role, "open": door.operators.open}

    return router


async def _asset(name: str) -> Response:
    found = asset(name)
    if found is None:
        raise HTTPException(404, "There is no such file.")
    return Response(found.data, media_type=found.kind)


async def _login(door: Door, request: Request) -> Response:
    client = request.client.host if request.client else ""
    if wait_s := door.wait_s(client):
        return HTMLResponse(login_page("often"), 429, {"Retry-After": retry_after(wait_s)})
    found = door.operators.login(await _key(request))
    door.note(found[0].name if found else "", "login" if found else "refused")
    if found is None:
        return HTMLResponse(login_page("wrong"), 401)
    response = RedirectResponse("/console", 303)
    door.set_cookie(request, response, found[1])
    return response


def login_page(said: str) -> str:
    """Give the form, with what became of the last attempt."""
    return page("login.html").replace("{{said}}", SAID[said]).replace("{{state}}", said)


async def _key(request: Request) -> str:
    """Read the key out of the form; "" for what is none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            return ""
    fields = parse_qs(body.decode(errors="replace"))
    return fields.get("key", [""])[0].strip()
