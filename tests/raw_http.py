"""Requests written byte by byte, as no client library would."""

import json
import socket
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

PATIENCE_S = 20


class Answer(NamedTuple):
    """An answer; of several lines of one name the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    """Open a connection from one of this machine's own addresses."""
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S, source_address=(source, 0))


def request(
    method: str, path: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", *, host: str = "127.0.0.1"
) -> bytes:
    """Write a request; each header as often as it is given, and none besides `Host` and the body's length."""
    lines = [("Host", host), *headers, *([("Content-Length", str(len(body)))] if body else ())]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def heard(connection: socket.socket) -> bytes:
    """Read until the other side hangs up."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:  # it hung up with something of ours unread
        pass
    return b"".join(parts)


def say(port: int, data: bytes) -> list[Answer]:
    """Send bytes, and give what is answered until the other side hangs up."""
    with connect(port) as connection:
        connection.sendall(data)
        return list(answers(heard(connection)))


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"", **more: Any
) -> Answer:
    """Send one request, and give its answer."""
    closing = [*(headers or {}).items(), ("Connection", "close")]
    with connect(port) as connection:
        connection.sendall(request(method, path, closing, body, **more))
        return next(answers(heard(connection)))


def answers(said: bytes) -> Iterable[Answer]:
    """Take apart what a server said; an interim answer counts as one."""
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0 if "transfer-encoding" not in headers else len(said)))
        body, said = said[:length], said[length:]
        yield Answer(int(first.split(" ")[1]), headers, body)
