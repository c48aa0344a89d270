"""What a shop's servers may do with visitors."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from streams.gateway.callers import Callers
from streams.gateway.visitor_cookie import VisitorCookies
from streams.gateway.visitors import visitors
from streams.settings import Settings
from streams.web.key_file import added
from streams.web.keys import KeyRing, new_key
from streams.web.site import build_site
from tests.collecting import MemoryEventLog, asked

COOKIES = VisitorCookies(["s" * 32])


class Site:
    """The routes, a log in memory, and a server's key."""

    def __init__(self, folder: Path) -> None:
        self.log, file, key = MemoryEventLog(), folder / "keys", new_key()
        added(file, "shop", "server", key)
        callers = Callers(COOKIES, KeyRing(file), Settings(_env_file=None))
        self._app = build_site(title="test", routers=[visitors(self.log, callers)], services=())
        self._headers = {"authorization": f"Bearer {key}"}

    def asks(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask with the key."""
        return asyncio.run(asked(self._app, method, path, headers=self._headers, **more))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give the routes."""
    return Site(tmp_path)


def test_a_server_forgets_a_visitor(site: Site) -> None:
    """By an event like any other, which carries no consent."""
    assert site.asks("DELETE", "/v1/visitors/kim").json() == {"accepted": 1, "rejected": []}
    ((taken, sender),) = site.log.records
    assert (taken.event.name, taken.event.visitor_id, taken.event.consent, sender) == (
        "forget",
        "kim",
        "none",
        "server",
    )


def test_contexts_are_nobody_to_forget(site: Site) -> None:
    """Their shelves would be empty for everybody."""
    answer = site.asks("DELETE", "/v1/visitors/~0123456789abcdef01234567")
    assert answer.status_code == 422
    assert not site.log.records


def test_a_server_learns_whom_a_cookie_names(site: Site) -> None:
    """Of one that was not made here, nothing."""
    known = site.asks("POST", "/v1/visitors/resolve", json={"cookie": COOKIES.write("wkim")})
    assert known.json() == {"visitor_id": "wkim"}
    assert site.asks("POST", "/v1/visitors/resolve", json={"cookie": "wkim"}).status_code == 404
    assert site.asks("POST", "/v1/visitors/resolve", json=["wkim"]).status_code == 422
