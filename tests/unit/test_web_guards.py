"""What every web process turns away, and what it tells browsers."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from streams.web.buckets import Buckets, retry_after
from streams.web.gate import Anonymous, Gate
from streams.web.guards import HostGuard, RateLimit, SecurityHeaders
from streams.web.keys import KeyRing, line_of, new_key
from streams.web.site import build_site


def site(*guards: Middleware) -> FastAPI:
    """Build a site with one page behind guards."""
    router = APIRouter()

    @router.get("/page")
    async def page() -> str:
        return "here"

    return build_site(title="site", routers=[router], services=(), guards=guards)


def get(app: Any, *paths: str, host: str = "shop.example", **headers: str) -> list[httpx.Response]:
    """Ask for pages in turn."""

    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return [await client.get(path, headers=headers) for path in paths]

    return asyncio.run(asked())


def test_every_answer_says_what_the_site_never_does() -> None:
    """No frames, no foreign scripts, no guessing of types; over plain HTTP nothing of TLS."""
    for answer in get(site(Middleware(SecurityHeaders)), "/page", "/nowhere"):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [("shop.example", 200), ("SHOP.example:8080", 200), ("evil.example", 421), ("shop.example.", 421)],
)
def test_only_its_own_names_lead_to_a_site(host: str, status: int) -> None:
    """With any port; a name that somebody else pointed here does not."""
    (answer,) = get(site(Middleware(HostGuard, hosts=("shop.example",))), "/page", host=host)
    assert answer.status_code == status


def test_a_client_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    """Probes are not counted, and a server is not either; who only says that it has a key is."""
    key, view = new_key(), new_key()
    file = tmp_path / "keys"
    file.write_text(f"{line_of('backend', 'server', key)}\n{line_of('ann', 'view', view)}\n")
    app = site(Middleware(RateLimit, keys=KeyRing(file), per_s=0.2))
    statuses = [answer.status_code for answer in get(app, *["/page"] * 3, "/healthz")]
    assert statuses == [200, 200, 429, 200]
    (refused,) = get(app, "/page")
    assert int(refused.headers["retry-after"]) in range(1, 6)
    for said, status in ((key, 200), (view, 429), ("", 429), ("aisle_x", 429)):
        assert get(app, "/page", Authorization=f"Bearer {said}")[0].status_code == status


def test_a_burst_is_paid_off() -> None:
    """A batch larger than a whole burst is taken from a full bucket, and then nothing is for as long as it cost."""
    now = 0.0
    buckets = Buckets(per_s=10, burst=100, clock=lambda: now)
    assert buckets.take("a", 500) == 0
    assert buckets.take("a", 1) == pytest.approx(40.1)
    now = 40.2
    assert buckets.take("a", 1) == 0


@pytest.mark.parametrize(("seconds", "text"), [(0.01, "1"), (1.0, "1"), (1.2, "2")])
def test_retry_after_is_in_whole_seconds(seconds: float, text: str) -> None:
    """Never zero, which would mean at once."""
    assert retry_after(seconds) == text


def test_one_client_cannot_take_all_connections() -> None:
    """A tenth is its part; who left makes room."""
    gate = Gate(20)
    assert [gate.enter("a") for _ in range(3)] == [True, True, False]
    assert gate.enter("b")
    gate.leave("a")
    assert gate.enter("a")
    assert gate.total == 3


def test_who_has_a_network_of_addresses_is_one_client() -> None:
    """Of the sixth version anybody has 2^64; an old address in new clothes is the old one."""
    gate, name = Gate(20), Anonymous()
    assert [gate.enter(f"2001:db8::{number}") for number in range(1, 4)] == [True, True, False]
    assert gate.enter("2001:db8:0:1::1")
    gate.leave("2001:db8::2")
    assert gate.enter("2001:db8::9")
    assert name("2001:db8::1") == name("2001:db8::ffff:1") != name("2001:db8:0:1::1")
    assert name("::ffff:192.0.2.1") == name("192.0.2.1")


def test_a_proxy_brings_as_many_as_there_may_be() -> None:
    """The whole is bounded all the same."""
    gate = Gate(5, trusted=("proxy",))
    assert [gate.enter("proxy") for _ in range(6)] == [True] * 5 + [False]
