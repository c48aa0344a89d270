"""The demo's pages: ports that are free, ready before anybody is told of them, and an end that ends nothing else."""

import socket
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from schemas.errors import RefusedError
from streams.demo.web import HOST, Addresses, Web, choose_ports
from streams.runs.on_kafka import free_port
from streams.settings import Settings

SERVE = (sys.executable, str(Path(__file__).parents[1] / "demo_pages.py"))
PAGES = {"shop": (*SERVE, "AISLE_GATEWAY_PORT"), "console": (*SERVE, "AISLE_CONSOLE_PORT")}


@pytest.fixture
def addresses() -> Addresses:
    """Find two free ports."""
    return Addresses(shop=free_port(), console=free_port())


@pytest.fixture
def taken() -> Iterator[int]:
    """Take a port."""
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


def test_pages_are_told_of_when_both_are_ready_and_no_longer_when_they_end(
    tmp_path: Path, addresses: Addresses
) -> None:
    """An end is told once, with the last words; the other page goes on."""
    said: list[str] = []
    waited: list[None] = []
    with Web(addresses, tmp_path / "web", {"AISLE_TOPIC_PREFIX": "socks"}, say=said.append, commands=PAGES) as web:
        web.start()
        assert web.links() == {"shop": None, "console": None}
        web.wait(lambda: waited.append(None))
        assert waited
        console = f"http://127.0.0.1:{addresses.console}/console"
        assert web.links() == {"shop": f"http://127.0.0.1:{addresses.shop}/", "console": console}
        leaving = HTTPConnection(HOST, addresses.shop, timeout=10)
        leaving.request("GET", "/leave")
        leaving.getresponse().read()
        leaving.close()
        now_s = 0.0
        while not said:
            web.tick(now_s := now_s + 10)
        web.tick(now_s + 10)
        assert web.links() == {"shop": None, "console": console}
    assert len(said) == 1
    assert "no shop any more" in said[0]
    assert "code 3" in said[0]
    assert "out of socks" in said[0]


def test_pages_that_do_not_start_end_the_demo_with_their_last_words(tmp_path: Path, addresses: Addresses) -> None:
    """There is nothing yet that could be lost."""
    broken = {"shop": (sys.executable, "-S", "-c", "raise SystemExit('no shop today')")}
    with Web(addresses, tmp_path / "web", {}, say=print, commands=broken) as web:
        web.start()
        with pytest.raises(RefusedError, match=r"(?s)`shop` ended with code 1.*no shop today"):
            web.wait(lambda: None)


def test_a_demo_without_pages_starts_none(tmp_path: Path) -> None:
    """And has no addresses."""
    with Web(None, tmp_path / "web", {}, say=print, commands=PAGES) as web:
        web.start()
        web.wait(lambda: None)
        web.tick(1.0)
        assert web.links() == {"shop": None, "console": None}


def test_a_port_that_is_taken_makes_way(taken: int) -> None:
    """The next free one is found and said; shop and console never share one."""
    said: list[str] = []
    found = choose_ports(taken, taken, said.append)
    assert taken < found.shop < found.console
    assert said == [
        f"Port {taken} is taken: the shop is on {found.shop}.",
        f"Port {taken} is taken: the console is on {found.console}.",
    ]


def test_pages_are_on_the_loopback_and_know_each_other(addresses: Addresses) -> None:
    """Nobody else reaches the console, so nobody logs in; a cookie needs no HTTPS."""
    told = addresses.environment
    assert told["AISLE_GATEWAY_HOST"] == told["AISLE_CONSOLE_HOST"] == "127.0.0.1"
    assert told["AISLE_CONSOLE_URL"] == f"http://127.0.0.1:{addresses.console}/console"
    assert (told["AISLE_CONSOLE_OPEN"], told["AISLE_GATEWAY_SECURE_COOKIE"]) == ("true", "false")
    assert Settings.model_validate({"gateway_secrets": told["AISLE_GATEWAY_SECRETS"]}).own_secrets
