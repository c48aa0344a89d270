"""uvicorn's HTTP protocol with what it lacks: bounds on connections, headers, and how long a request may take to come.

It reaches into uvicorn's protocol class, so uvicorn is pinned and tests/contract says when it changes.
"""

import asyncio
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streams.web.gate import Gate

DEAD_AFTER_MS = 60_000
"""A peer that acknowledges nothing for so long is gone: phones leave without a word."""


@dataclass(frozen=True)
class Limits:
    """What one request may take.

    `header_bytes` counts request line and headers; `headers_s` from the connection, or the first byte of a later
    request, to the end of the headers; `body_s` from there to the end of the body, of `body_bytes` at most.
    """

    header_bytes: int = 16 * 1024
    headers_s: float = 10
    body_s: float = 15
    body_bytes: int = 1 << 20


class GuardedProtocol(HttpToolsProtocol):
    """One connection; `guarded` gives the class its gate and limits."""

    gate: Gate
    limits: Limits

    _deadline: asyncio.TimerHandle | None = None
    _came_in = False
    _begun_bytes = 0
    _header_bytes = 0
    _body_bytes = 0
    _in_headers = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let a client in, or turn it away."""
        super().connection_made(transport)
        self._came_in = self.gate.enter(self._peer)
        if not self._came_in:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Retry-After: 5\r\n")
            return
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER_MS)
        self._wait(self.limits.headers_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a client as gone."""
        self._wait(None)
        if self._came_in:
            self._came_in = False
            self.gate.leave(self._peer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless nothing more is wanted or the headers do not end."""
        if self._closing:
            return
        self._begun_bytes += len(data) if self._in_headers else 0
        super().data_received(data)
        if self._in_headers and self._begun_bytes > self.limits.header_bytes and not self._closing:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._header_bytes = self._body_bytes = 0
        self._wait(self.limits.headers_s)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._header_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._header_bytes += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin a request's body."""
        self._in_headers = False
        if self._header_bytes > self.limits.header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self._wait(self.limits.body_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, which the application may well read whole."""
        self._body_bytes += len(body)
        if self._body_bytes > self.limits.body_bytes and not self._closing:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if not self._closing:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; how long its answer may take is not ours to say."""
        self._in_headers, self._begun_bytes = True, 0
        self._wait(None)
        if not self._closing:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """End an answer; one given before the whole body came ends the connection, or the body would come for long."""
        super().on_response_complete()
        if self._deadline is not None and not self._in_headers:
            self.transport.close()

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _closing(self) -> bool:
        return self.transport.is_closing()

    def _wait(self, seconds: float | None) -> None:
        """Wait so long for what is to come next; None for no longer."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if seconds is not None:
            self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if answered:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus, headers: str = "") -> None:
        """Answer and hang up, whatever the application is doing."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        answer = f"HTTP/1.1 {status.value} {status.phrase}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
        self.transport.write(answer.encode())
        self.transport.close()


def guarded(gate: Gate, limits: Limits | None = None) -> type[Any]:
    """Make the protocol class for one server."""
    return type("Guarded", (GuardedProtocol,), {"gate": gate, "limits": limits or Limits()})
