"""A double of the gateway: its protocol as a tracker sees it, with answers on order, and all that came written down."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from streams.tracker import MEDIA_TYPE, module, script

CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
PATIENCE_S = 5.0


class Posted(NamedTuple):
    """One POST: its body, the answer's status, and whether the visitor's cookie came with it."""

    body: dict[str, Any]
    status: int
    cookie: str | None


class Answer(NamedTuple):
    """What a POST is answered with instead of 202."""

    status: int
    body: dict[str, Any] | None = None
    retry_after: str | None = None


def shelf(
    placement: str = "home", products: str = "p1 p2 p3", *, slate: str = "s-0-1-home-0685", at: int = 1, **more: Any
) -> dict[str, Any]:
    """Make a shelf; `at` is the second of its event, `reserves` are products like those of the shelf."""
    names = products.split()
    reserves = more.pop("reserves", "").split()
    made = [item(name, rank) for rank, name in enumerate(names + reserves, 1)]
    return {
        "slate_id": slate,
        "revision": 0,
        "placement": placement,
        "anchor": None,
        "contextual": False,
        "event_id": "elsewhere",
        "event_at": f"2026-05-01T12:00:{at:02}.000Z",
        "expires_at": "2099-05-01T12:00:00.000Z",
        "items": made[: len(names)],
        "reserves": made[len(names) :],
        **more,
    }


def item(name: str, rank: int) -> dict[str, Any]:
    """Make an item of a shelf."""
    return {"product_id": name, "rank": rank, "reason": "", "title": f"Product {name}", "url": f"/p/{name}"}


class GatewayDouble:
    """Serve pages, the tracker and the gateway's paths on a port of its own; used as a context manager."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes]] = {}
        self.posted: list[Posted] = []
        self.answers: list[Answer] = []
        self.asked: list[dict[str, str]] = []
        self.shelves: dict[tuple[str, str | None], dict[str, Any]] = {}
        self.streams: list[tuple[list[str], Queue[bytes | None]]] = []
        self.changed = threading.Condition()
        handler = type("Handler", (_Handler,), {"double": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all streams and stop."""
        for _, queue in self.streams:
            queue.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def page(self, path: str, setup: str, body: str = '<div id="home"></div>', *, head: str = "") -> str:
        """Serve a page that loads the tracker and then runs a script; give its address."""
        name = f"/setup{len(self.pages)}.js"
        html = f'<!doctype html><title>Shop</title>{head}<body>{body}<script src="/aisle.js"></script>'
        self.pages[path] = ("text/html; charset=utf-8", f'{html}<script src="{name}"></script>'.encode())
        self.pages[name] = (MEDIA_TYPE, setup.encode())
        return self.url + path

    def push(self, kind: str, data: dict[str, Any]) -> None:
        """Send an event on every open stream."""
        message = f"event: {kind}\nid: 0-{time.monotonic_ns()}\ndata: {json.dumps(data)}\n\n".encode()
        for _, queue in self.streams:
            queue.put(message)

    def events(self, name: str | None = None, *, status: int = 202) -> list[dict[str, Any]]:
        """Give the events that were answered so, in the order they came."""
        bodies = [posted.body for posted in self.posted if posted.status == status]
        events = [event for body in bodies for event in body["events"]]
        return [event for event in events if name in {None, event["name"]}]

    def wait(self, condition: Callable[["GatewayDouble"], Any], *, patience_s: float = PATIENCE_S) -> Any:
        """Wait until a condition holds, and give what it gave."""
        with self.changed:
            found = self.changed.wait_for(lambda: condition(self), patience_s)
        assert found, f"in vain: {[event['name'] for event in self.events()]}, {self.asked}"
        return found


class _Handler(BaseHTTPRequestHandler):
    double: GatewayDouble
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        files = {"/aisle.js": script().body, "/aisle.mjs": module().body}
        if path == "/v1/recommendations":
            self._shelf()
        elif path == "/v1/stream":
            self._stream()
        elif path in files:
            self._answer(200, files[path], MEDIA_TYPE)
        else:
            kind, body = self.double.pages.get(path, ("text/plain", b"nothing here"))
            self._answer(200 if path in self.double.pages else 404, body, kind)

    def do_POST(self) -> None:
        double = self.double
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        taken = {"accepted": len(body["events"]), "rejected": []}
        answer = double.answers.pop(0) if double.answers else Answer(202, taken)
        more = {"Retry-After": answer.retry_after} if answer.retry_after else {}
        if answer.status == 202 and not self._cookie() and body["consent"] == "personalisation":
            more["Set-Cookie"] = "aisle_visitor=w1; HttpOnly; SameSite=Lax; Path=/"
        with double.changed:
            double.posted.append(Posted(body, answer.status, self._cookie()))
            double.changed.notify_all()
        self._answer(answer.status, json.dumps(answer.body or {}).encode(), "application/json", more)

    def _shelf(self) -> None:
        double, asked = self.double, dict(parse_qsl(urlsplit(self.path).query))
        with double.changed:
            double.asked.append({**asked, "cookie": self._cookie() or ""})
            double.changed.notify_all()
        anchor = asked.get("product_id", asked.get("anchor"))
        empty = shelf(asked["placement"], "", anchor=anchor, contextual=True)
        found = double.shelves.get((asked["placement"], anchor)) or double.shelves.get(
            (asked["placement"], None), empty
        )
        self._answer(200, json.dumps(found).encode(), "application/json")

    def _stream(self) -> None:
        shelves = [value for name, value in parse_qsl(urlsplit(self.path).query) if name == "shelf"]
        if not self._cookie():
            self._answer(204, b"", "text/plain")
            return
        queue: Queue[bytes | None] = Queue()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"retry: 200\n\n")
        with self.double.changed:
            self.double.streams.append((shelves, queue))
            self.double.changed.notify_all()
        self.close_connection = True
        try:
            while (message := queue.get()) is not None:
                self.wfile.write(message)
        except OSError:
            return

    def _cookie(self) -> str | None:
        return self.headers.get("Cookie")

    def _answer(self, status: int, body: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Security-Policy": CSP, **(more or {})}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # the page that asked is gone
            return
