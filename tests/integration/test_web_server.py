"""A real listener, and clients that do not behave."""

import asyncio
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import NamedTuple

import pytest
import uvicorn
from fastapi import APIRouter, Request

from streams.web.gate import Gate
from streams.web.protocol import Limits, guarded
from streams.web.server import FILES_BESIDE, listen, room_for
from streams.web.site import build_site

LIMITS = Limits(header_bytes=2000, headers_s=0.4, body_s=0.4, body_bytes=100_000)
PATIENCE_S = 10


class Site(NamedTuple):
    """A listening site."""

    port: int
    gate: Gate

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def say(self, data: bytes) -> bytes:
        """Send bytes, and give what comes until the site hangs up."""
        with self.connect() as connection:
            connection.sendall(data)
            return heard(connection)


def heard(connection: socket.socket) -> bytes:
    """Read until the other side hangs up."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def open_site(*, connections: int = 100) -> Iterator[Site]:
    """Serve a site on a thread of its own."""
    router = APIRouter()

    @router.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @router.post("/at-once")
    async def at_once() -> str:
        return "no body wanted"

    gate = Gate(connections)
    app = build_site(title="site", routers=[router], services=())
    listener = listen("127.0.0.1", 0, setting="none")
    config = uvicorn.Config(app, http=guarded(gate, LIMITS), log_config=None, timeout_keep_alive=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        yield Site(listener.getsockname()[1], gate)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Give one site for all tests that leave it as it was."""
    with open_site() as site:
        yield site


def post(path: str, body: bytes = b"", *, more: str = "", length: int | None = None) -> bytes:
    """Write a request."""
    size = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n{more}\r\n".encode() + body


def well(site: Site) -> None:
    """Assert that the site serves others, and holds nobody who is gone."""
    assert site.say(post("/length", b"12345", more="Connection: close\r\n")).endswith(b"5")
    until = time.monotonic() + PATIENCE_S
    while site.gate.total and time.monotonic() < until:
        time.sleep(0.01)
    assert site.gate.total == 0


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"", b"408"),
        (b"POST /length HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"408"),
        (post("/length", b"half", length=100), b"408"),
        (post("/length", more="X-Long: " + "x" * 3000 + "\r\n"), b"431"),
        (b"POST /length?" + b"x" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"431"),
        (b"POST /length HTTP/1.1\r\n" + b"X-Many: y\r\n" * 300, b"431"),
        (post("/length", b"x" * 100_001), b"413"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"POST /length HTTP/1.1\r\nHost: x\r\nX-Split: a\rb\r\n\r\n", b"400"),
        (b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        ("POST /ümlaut HTTP/1.1\r\nHost: x\r\n\r\n".encode(), b"400"),
    ],
    ids=["silent", "slow headers", "slow body", "long header", "long address", "many headers", "long body", "TLS",
         "split header", "smuggled", "raw bytes"],
)  # fmt: skip
def test_who_does_not_behave_is_answered_and_left(site: Site, said: bytes, answer: bytes) -> None:
    """In bounded time, while others are served."""
    began = time.monotonic()
    assert site.say(said).startswith(b"HTTP/1.1 " + answer)
    assert time.monotonic() - began < 20 * LIMITS.headers_s
    well(site)


def test_a_body_nobody_wanted_is_not_waited_for(site: Site) -> None:
    """The answer comes at once, and the connection ends with it."""
    with site.connect() as connection:
        connection.sendall(post("/at-once", b"begun", length=10_000_000))
        assert heard(connection).startswith(b"HTTP/1.1 200")
    well(site)


def test_a_connection_serves_one_request_after_the_other(site: Site) -> None:
    """Pauses between them are not counted as slowness."""
    connection = HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE_S)
    connection.connect()
    first = connection.sock
    for body in (b"1", b"12", b"123"):
        connection.request("POST", "/length", body)
        assert connection.getresponse().read() == str(len(body)).encode()
        assert connection.sock is first
        time.sleep(1.2 * LIMITS.headers_s)
    connection.close()
    well(site)


def test_one_client_cannot_keep_others_out() -> None:
    """Beyond its part it is told to come back later."""
    with open_site(connections=30) as site:
        held = [site.connect() for _ in range(3)]
        assert site.say(b"").startswith(b"HTTP/1.1 503")
        for connection in held:
            connection.close()
        well(site)


@pytest.mark.parametrize(
    ("limits", "asked", "room"),
    [
        ((1024, 20_000), 9000, 9000),
        ((1024, 4096), 9000, 4096 - FILES_BESIDE),
        ((20_000, 20_000), 9000, 9000),
        ((1024, resource.RLIM_INFINITY), 9000, 9000),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 9000, 9000),
        ((64, 64), 10, 1),
    ],
)
def test_no_more_connections_come_in_than_there_are_files_for(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], asked: int, room: int
) -> None:
    """A process without one can open nothing, no broker either; the limit is raised as far as it may be."""
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: set_to.append(to))
    assert room_for(asked) == room
    assert all(soft <= limits[1] or limits[1] == resource.RLIM_INFINITY for soft, _ in set_to)
    assert bool(set_to) == (0 < limits[0] < asked + FILES_BESIDE)
