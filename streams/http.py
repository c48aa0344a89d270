"""/metrics, /livez, /readyz and /progress on a thread of their own: they answer while the event loop is busy."""

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import RefusedError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Probes:
    """What the endpoints answer.

    `alive` and `ready` give the reasons why not, none when all is well; `progress` gives where the worker stands.
    """

    alive: Callable[[], list[str]]
    ready: Callable[[], list[str]]
    progress: Callable[[], dict[str, Any]]


STARTING_S = 600.0
"""A model of any size is loaded, and all code compiled, in less."""


def starting(what: str, clock: Callable[[], float] = time.monotonic) -> Probes:
    """Answer while a process gets ready to work: it is not ready, and alive as long as that is no wonder.

    Args:
        what: takes so long.
        clock: monotonic seconds.
    """
    began = clock()

    def doing() -> list[str]:
        return [f"starting for {clock() - began:.0f} s: {what}"]

    return Probes(
        alive=lambda: doing() if clock() - began > STARTING_S else [],
        ready=doing,
        progress=lambda: {"ready": False, "starting": what},
    )


class HealthServer:
    """Serve a process's health.

    Args:
        host: address to bind.
        port: 0 takes a free one.
        probes: what is answered.

    Raises:
        RefusedError: nothing can listen there.
    """

    def __init__(self, host: str, port: int, probes: Probes) -> None:
        self._probes = probes
        self._server = _listen(host, port, _handler(lambda: self._probes))
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()
        log.info("health on %s (/metrics /livez /readyz /progress)", self.url)

    def answer(self, probes: Probes) -> None:
        """Answer with these from now on."""
        self._probes = probes

    def tell_where(self, files: Path) -> None:
        """Write down which process answers, and where, for its supervisor and for tests."""
        fresh = files / "status.new"
        try:
            fresh.write_text(json.dumps({"pid": os.getpid(), "http": self.url}))
            fresh.replace(files / "status.json")  # whole or not at all: somebody may be reading it
        except OSError as error:  # a full disk: nobody is told the port, everybody is served
            log.warning("status.json is not written: %s", error)

    def stop(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def check_port(host: str, port: int) -> None:
    """Look whether health can be served here.

    Raises:
        RefusedError: nothing can listen there.
    """
    _listen(host, port, BaseHTTPRequestHandler).server_close()


def _listen(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise RefusedError(
            f"Health cannot be served at {host}:{port} ({error.strerror}): stop what uses it, or set AISLE_HTTP_PORT "
            "(0 takes a free one) and AISLE_HTTP_HOST."
        ) from None
    server.daemon_threads = True
    return server


def _handler(now: Callable[[], Probes]) -> type[BaseHTTPRequestHandler]:
    def verdict(why_not: list[str]) -> tuple[int, str, bytes]:
        return 503 if why_not else 200, "text/plain; charset=utf-8", ("\n".join(why_not or ["ok"]) + "\n").encode()

    routes: dict[str, Callable[[], tuple[int, str, bytes]]] = {
        "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest()),
        "/livez": lambda: verdict(now().alive()),
        "/readyz": lambda: verdict(now().ready()),
        "/progress": lambda: (200, "application/json", json.dumps(now().progress()).encode()),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            route = routes.get(self.path.partition("?")[0])
            status, kind, body = route() if route else (404, "text/plain", b"no such page\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """Probes come every few seconds: not worth a line each."""

    return Handler
