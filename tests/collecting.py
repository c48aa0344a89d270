"""What tests of the collector share: a log that a test steers, and a browser and a server that send."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
from fastapi import FastAPI

from schemas.events import Sender
from schemas.record import from_epoch_ms, rfc3339
from streams.gateway.cleaning import Taken
from streams.gateway.collecting import Collector, events_router
from streams.gateway.sending import BusyError
from streams.gateway.visitor_cookie import NAME, VisitorCookies
from streams.settings import Settings
from streams.web.keys import KeyRing, Role, line_of, new_key
from streams.web.site import build_site

NOW_MS = 1_777_636_800_000
SHOP = "https://shop.example"
PAGE = {"origin": SHOP, "content-type": "application/json"}


class MemoryEventLog:
    """Keeps what it is given; `lost` are the places that it does not acknowledge, `busy` that it takes nothing."""

    def __init__(self) -> None:
        self.records: list[tuple[Taken, Sender]] = []
        self.lost: frozenset[int] = frozenset()
        self.busy = False

    async def send(self, records: Sequence[Taken], sender: Sender) -> frozenset[int]:
        if self.busy:
            raise BusyError("5 events wait for the broker")
        self.records += [(record, sender) for place, record in enumerate(records) if place not in self.lost]
        return self.lost

    def values(self) -> list[dict[str, Any]]:
        """Give the records as JSON."""
        return [orjson.loads(record.value) for record, _ in self.records]


class Site:
    """A collector over a log in memory, at `SHOP`, at a time that a test moves."""

    def __init__(self, folder: Path, *, secrets: Sequence[str] = ("s" * 32,), **settings: Any) -> None:
        self.log = MemoryEventLog()
        self.now_ms = NOW_MS
        self.keys = folder / "keys"
        self.keys.touch()
        self.cookies = VisitorCookies(secrets)
        given = Settings(_env_file=None, **settings)
        self.collector = Collector(self.log, KeyRing(self.keys), self.cookies, given, now_ms=lambda: self.now_ms)
        self.app = build_site(title="test", routers=[events_router(self.collector)], services=())

    def key(self, role: Role) -> str:
        """Make a key."""
        key = new_key()
        with self.keys.open("a") as file:
            file.write(line_of(f"somebody-{role}", role, key) + "\n")
        return key

    def post(self, body: object, headers: Mapping[str, str] = PAGE, *, cookie: str | None = None) -> httpx.Response:
        """Send once; a body that is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        given = dict(headers) | ({"cookie": f"{NAME}={cookie}"} if cookie else {})
        return self.ask("POST", content=content, headers=given)

    def by_server(self, body: object, role: Role = "server") -> httpx.Response:
        """Send with a key."""
        return self.post(body, {"authorization": f"Bearer {self.key(role)}", "content-type": "application/json"})

    def ask(self, method: str, **request: Any) -> httpx.Response:
        """Send any request."""
        return run(asked(self.app, method, **request))


async def asked(app: FastAPI, method: str, path: str = "/v1/events", **request: Any) -> httpx.Response:
    """Ask an application without a network; an exception in it fails the test."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=SHOP) as client:
        return await client.request(method, path, **request)


def run(asking: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
    """Run one request."""
    return asyncio.run(asking)


def event(name: str = "view_item", **more: object) -> dict[str, Any]:
    """Give an event as a page sends it."""
    return {"event_id": f"e-{name}", "name": name, "consent": "personalisation"} | more


def at(seconds: float) -> str:
    """Give a time so many seconds after now."""
    return rfc3339(from_epoch_ms(NOW_MS + int(seconds * 1000)))
