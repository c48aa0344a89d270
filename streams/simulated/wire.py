"""HTTP/1.1 on the loopback: a thread per connection, which stays open, and can be cut where a test wants it."""

import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, NamedTuple

from schemas.errors import RefusedError
from streams.simulated.reply import Reply

HOST = "127.0.0.1"
CHUNK = 65536


class Request(NamedTuple):
    """What a client sent; no body where it was too large to be kept."""

    method: str
    path: str
    key: str | None
    body: bytes | None


Wait = Callable[[float], bool]
"""Let so many seconds pass; false at once when the client leaves."""

Serve = Callable[[Request, Wait], Reply | None]
"""Answer a request; nothing where nobody waits for it any more."""


class Wire:
    """Serve until it is closed.

    Args:
        port: 0 takes a free one.
        serve: answers, called from many threads.
        max_body: longer requests are read and thrown away; bytes.

    Raises:
        RefusedError: nothing can listen there.
    """

    def __init__(self, port: int, serve: Serve, *, max_body: int) -> None:
        try:
            self._server = _Server(port, serve, max_body=max_body)
        except (OSError, OverflowError) as error:
            raise RefusedError(
                f"The simulated judge cannot listen on port {port} ({error}): take another, or 0."
            ) from None
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="simulated-judge")
        self._thread.start()

    def close(self) -> None:
        """Free the port and hang up on everybody."""
        self._server.stop_listening()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()  # waits for the threads of the connections


class _Server(ThreadingMixIn, HTTPServer):
    request_queue_size = 256

    def __init__(self, port: int, serve: Serve, *, max_body: int) -> None:
        self.serve, self.max_body = serve, max_body
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def stop_listening(self) -> None:
        with suppress(OSError):  # wakes the loop where the system does that; else it looks every half second
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the client did
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients may leave at any time
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "simulated-judge", ""
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        key, path = self.headers.get("Authorization"), self.path.partition("?")[0]
        reply = self.server.serve(Request(self.command, path, key, self._body()), self._wait)
        if reply is None or reply.cut == "before_head":
            self.close_connection = True
        else:
            self._send(reply)

    def do_POST(self) -> None:
        self.do_GET()

    def _body(self) -> bytes | None:
        """Read the body, which must say how long it is: what follows one of unknown length cannot be understood."""
        told = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not told.isdecimal():
            self.close_connection = True
            return b""
        left = int(told)
        if left <= self.server.max_body:
            return self.rfile.read(left)
        while left > 0 and (chunk := self.rfile.read(min(left, CHUNK))):
            left -= len(chunk)
        return None

    def _wait(self, seconds: float) -> bool:
        """Let time pass; a client that sends the next request before it has this answer gets it early."""
        if seconds <= 0:
            return True
        try:
            self.connection.settimeout(seconds)
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return True
        except OSError:
            return False
        finally:
            self.connection.settimeout(None)

    def _send(self, reply: Reply) -> None:
        told = {"Content-Type": reply.kind, "Content-Length": str(len(reply.body)), **reply.headers}
        self.send_response(reply.status)
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.cut == "in_body":
            self.close_connection = True
            self.wfile.write(reply.body[: len(reply.body) // 2])
        else:
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Calls are counted, not told."""
