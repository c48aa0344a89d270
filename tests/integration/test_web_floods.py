"""A gateway process under people who take what they can: it serves others, and takes no more memory than it may."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen

import pytest

from streams.brokers import Broker
from streams.gateway.hub import PER_VISITOR
from tests.gateways import Shop, cookie
from tests.raw_http import answers, ask, connect, heard, request

CONNECTIONS = 400
SOURCES = [f"127.0.0.{number}" for number in range(2, 14)]
PATIENCE_S = 20


@pytest.fixture(scope="module")
def shop(embedded_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give an installation that sells something."""
    shop = Shop(embedded_broker, tmp_path_factory.mktemp("flooded"))
    shop.sell(*(f"p{number}" for number in range(40)))
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def gateway(shop: Shop) -> tuple[Popen[bytes], int]:
    """Give a gateway with few connections, streams and requests."""
    return shop.start(
        AISLE_GATEWAY_CONNECTIONS=str(CONNECTIONS), AISLE_GATEWAY_STREAMS="60", AISLE_GATEWAY_ADDRESS_RATE="30",
        AISLE_GATEWAY_RATE="20", AISLE_GATEWAY_ORIGINS="https://other.example",
    )  # fmt: skip


def memory_mb(process: Popen[bytes]) -> float:
    """Give what a process has in memory."""
    fields = Path(f"/proc/{process.pid}/statm").read_text().split()
    return int(fields[1]) * 4096 / 1e6


def refused(connection: socket.socket) -> bool:
    """Tell whether a connection was turned away at once."""
    connection.settimeout(0.05)
    try:
        return connection.recv(100).startswith(b"HTTP/1.1 503")
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


def test_hundreds_that_are_idle_or_slow_keep_nobody_out(gateway: tuple[Popen[bytes], int]) -> None:
    """A tenth is all that one address has, and who is slow is left; meanwhile others are answered."""
    process, port = gateway
    before_mb = memory_mb(process)
    with ExitStack() as stack:
        for number in range(330):
            connection = stack.enter_context(connect(port, SOURCES[number % len(SOURCES)]))
            connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: " if number % 2 else b"")
        for _ in range(20):
            assert ask(port, "GET", "/v1/recommendations?placement=cart").status == 200
        greedy = [stack.enter_context(connect(port, SOURCES[0])) for _ in range(CONNECTIONS // 10)]
        assert sum(map(refused, greedy)) >= 20
        assert memory_mb(process) < before_mb + 60
        assert heard(connection).startswith(b"HTTP/1.1 408")


def test_who_follows_and_never_reads_is_told_only_the_newest(shop: Shop, gateway: tuple[Popen[bytes], int]) -> None:
    """Thousands of slates later there is no backlog: memory stays, and who reads is told at once."""
    process, port = gateway
    asks = request("GET", "/v1/stream", cookie("deaf").items())
    with ExitStack() as stack:
        for _ in range(PER_VISITOR):
            connection = stack.enter_context(connect(port))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(asks)
        products = [f"p{number}" for number in range(40)]
        shop.decide("deaf", products)
        page = shop.open(port, "listens")
        before_mb = memory_mb(process)
        for _ in range(1500):
            shop.decide("deaf", products)
        last = shop.decide("listens", ["p1"])
        told = page.next()
        assert told is not None
        assert told.data["slate_id"] == last.slate_id
        assert memory_mb(process) < before_mb + 60


def test_a_visitor_and_a_process_have_so_many_streams(shop: Shop, gateway: tuple[Popen[bytes], int]) -> None:
    """The next is told when to come back, in words that pages of other origins can read."""
    _, port = gateway
    other = {"Origin": "https://other.example"}
    pages = [shop.open(port, "many") for _ in range(PER_VISITOR)]
    assert {page.status for page in pages} == {200}
    answer = ask(port, "GET", "/v1/stream", cookie("many") | other)
    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (429, True)
    assert answer.headers["access-control-expose-headers"] == "Retry-After"
    assert ask(port, "GET", "/v1/stream", {"Cookie": "aisle_visitor=x"}).status == 204
    for page in pages:
        page.close()


def test_an_address_is_told_to_wait(gateway: tuple[Popen[bytes], int]) -> None:
    """Whatever it asks for and however it calls itself; probes are answered, and other addresses too."""
    _, port = gateway
    plain = request("GET", "/v1/recommendations?placement=cart", [("Authorization", "Bearer aisle_x")])
    named = [("Origin", "https://other.example"), ("X-Forwarded-For", "192.0.2.1"), ("Connection", "close")]
    with connect(port, "127.0.1.1") as connection:
        connection.sendall(plain * 400 + request("GET", "/metrics", named))
        found = list(answers(heard(connection)))
    assert [one.status for one in found[:250]] == [200] * 250
    assert found[-1].status == 429
    assert int(found[-1].headers["retry-after"]) >= 1
    assert found[-1].headers["access-control-allow-origin"] == "https://other.example"
    with connect(port, "127.0.1.1") as connection:
        connection.sendall(request("GET", "/healthz", [("Connection", "close")]))
        assert next(iter(answers(heard(connection)))).status == 200
    assert ask(port, "GET", "/v1/recommendations?placement=cart").status == 200


@pytest.mark.parametrize(
    ("path", "kind"), [("/v1/events", "text/plain"), ("/v1/visitors/resolve", "application/json"), ("/v1/none", "a/b")]
)
@pytest.mark.parametrize("coding", ["Transfer-Encoding: chunked", "Content-Length: 99999999999"])
def test_a_body_without_end_is_not_kept(gateway: tuple[Popen[bytes], int], path: str, kind: str, coding: str) -> None:
    """It is left where the limit is, whether or not anybody there wanted one."""
    process, port = gateway
    before_mb = memory_mb(process)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {kind}\r\n"
    part = b"10000\r\n" + b"[" * 65_536 + b"\r\n" if "chunked" in coding else b"[" * 65_536
    sent, end = 0, time.monotonic() + PATIENCE_S
    with connect(port, "127.0.2.1") as connection:
        connection.sendall(f"{head}{coding}\r\n\r\n".encode())
        try:
            while time.monotonic() < end:
                connection.sendall(part)
                sent += len(part)
        except OSError:
            pass
    assert sent < 20_000_000
    assert memory_mb(process) < before_mb + 30
