"""What a browser reaches in the demo: the shop and the console, a process each."""

import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.errors import RefusedError
from streams.runs.children import AISLE, Children

HOST = "127.0.0.1"
SHOP_PORT, CONSOLE_PORT = 8080, 8081
PORTS_TRIED = 50

SHOP, CONSOLE = "shop", "console"
COMMANDS: dict[str, tuple[str, ...]] = {
    SHOP: (sys.executable, "-m", "streams.demo.storefront"),
    CONSOLE: (*AISLE, "console"),
}

METRICS = "AISLE_CONSOLE_METRICS"
READY_WITHIN_S = 120
"""A first start compiles what it imports, on a machine that is busy with workers."""

_LOOKS_EVERY_S = 1.0
_TIMEOUT_S = 2


@dataclass(frozen=True)
class Addresses:
    """Where the shop and the console are."""

    shop: int
    console: int

    def of(self, name: str) -> str:
        """Give the address of a page."""
        return f"http://{HOST}:{self.shop}/" if name == SHOP else f"http://{HOST}:{self.console}/console"

    def port(self, name: str) -> int:
        """Give the port of a process."""
        return self.shop if name == SHOP else self.console

    @property
    def environment(self) -> dict[str, str | None]:
        """Say what both need to know: loopback only, so neither HTTPS nor a login.

        With one secret the console knows the cookie of the shop, and shows who looks at it to themselves.
        """
        return {
            "AISLE_GATEWAY_HOST": HOST,
            "AISLE_GATEWAY_PORT": str(self.shop),
            "AISLE_GATEWAY_HOSTS": "",
            "AISLE_GATEWAY_SECURE_COOKIE": "false",
            "AISLE_GATEWAY_SECRETS": secrets.token_urlsafe(32),
            "AISLE_CONSOLE_HOST": HOST,
            "AISLE_CONSOLE_PORT": str(self.console),
            "AISLE_CONSOLE_HOSTS": "localhost,127.0.0.1",
            "AISLE_CONSOLE_URL": self.of(CONSOLE),
            "AISLE_CONSOLE_OPEN": "true",
        }


class Web:
    """The shop and the console while they run; leaving it stops them.

    One that ends later is told of with its last words, and the demo goes on without: its shoppers need no pages.

    Args:
        addresses: where they listen; None where nobody wants pages, and nothing is started.
        directory: for their output.
        environment: what they need to know of the demo's broker and topics.
        say: takes a line for the person at the terminal.
        commands: what is started, by name.
    """

    def __init__(
        self,
        addresses: Addresses | None,
        directory: Path,
        environment: Mapping[str, str | None],
        *,
        say: Callable[[str], object],
        commands: Mapping[str, Sequence[str]] = COMMANDS,
    ) -> None:
        self._commands = commands
        self._ports = {} if addresses is None else {name: addresses.port(name) for name in commands}
        self._links = {} if addresses is None else {name: addresses.of(name) for name in commands}
        own = {} if addresses is None else addresses.environment
        self._children = Children(directory, {**environment, **own, **self._metrics(environment)})
        self._say = say
        self._open: list[str] = []
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._children.__exit__(kind, error, trace)

    def _metrics(self, environment: Mapping[str, str | None]) -> dict[str, str]:
        """Let the console read the shop's metrics beside the workers'."""
        pages = [f"http://{HOST}:{self._ports[SHOP]}/metrics"] if SHOP in self._ports else []
        return {METRICS: ",".join(filter(None, (*pages, environment.get(METRICS))))}

    def start(self) -> None:
        """Start both."""
        for name in self._ports:
            self._children.start_other(name, self._commands[name])

    def wait(self, meanwhile: Callable[[], object]) -> None:
        """Wait until both are ready.

        Args:
            meanwhile: what goes on while they start; takes a little time.

        Raises:
            RefusedError: one has ended, or is not ready in time; with its last words.
        """
        until = time.monotonic() + READY_WITHIN_S
        for name, port in self._ports.items():
            while not _ready(port):
                self._children.check()
                if time.monotonic() > until:
                    raise RefusedError(
                        f"The {name} is not ready after {READY_WITHIN_S} s.\n{self._children.last_words()}"
                    )
                meanwhile()
            self._open.append(name)

    def tick(self, now_s: float) -> None:
        """Look after them now and then."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + _LOOKS_EVERY_S
        for name, words in self._children.bury().items():
            self._open.remove(name)
            self._say(f"There is no {name} any more, the shoppers go on: {words}")

    def links(self) -> dict[str, str | None]:
        """Give the addresses of what is open, by name; None for what is not."""
        return {name: self._links[name] if name in self._open else None for name in self._commands}


def choose_ports(shop: int, console: int, say: Callable[[str], object]) -> Addresses:
    """Find ports that are free, from the wanted ones upwards, and say which were taken.

    Raises:
        RefusedError: none is free near them.
    """
    found = _free_from(shop, avoid=None)
    addresses = Addresses(shop=found, console=_free_from(console, avoid=found))
    for wanted, name in ((shop, SHOP), (console, CONSOLE)):
        if addresses.port(name) != wanted:
            say(f"Port {wanted} is taken: the {name} is on {addresses.port(name)}.")
    return addresses


def _free_from(port: int, *, avoid: int | None) -> int:
    for one in range(port, min(port + PORTS_TRIED, 1 << 16)):
        if one != avoid and _is_free(one):
            return one
    raise RefusedError(f"No port from {port} on is free: name another one with --port and --console-port.")


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _ready(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
