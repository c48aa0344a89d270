"""Open streams of many pages, in a process of their own: counts the slates that come, and how long each took.

Prints `ready` once all streams are open, and one JSON line at the end.
"""

import argparse
import asyncio
import json
import re
import statistics
import time

import uvloop
from telling import tell

from streams.gateway.visitor_cookie import NAME, VisitorCookies

SENT = re.compile(rb'"event_id":"([0-9.]+)"')
AT_ONCE = 100


class Page(asyncio.Protocol):
    """One stream: reads when each slate was written, from its event's id."""

    def __init__(self, request: bytes, waits_s: list[float]) -> None:
        self._request = request
        self._waits_s = waits_s
        self._rest = b""
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Note what came."""
        if not self.opened.done():
            self.opened.set_result(data.startswith(b"HTTP/1.1 200"))
        now = time.time()
        data = self._rest + data
        end = data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
        self._waits_s += [now - float(sent) for sent in SENT.findall(data[:end])]
        self._rest = data[end:]


async def watch(port: int, count: int, seconds: float, secret: str) -> dict[str, float]:
    """Open streams, stay for a time, and tell what came."""
    cookies, waits_s = VisitorCookies([secret]), []  # type: ignore[var-annotated]
    loop = asyncio.get_running_loop()
    pages: list[Page] = []
    for begin in range(0, count, AT_ONCE):
        some = [
            Page(_request(cookies.write(f"v{number}")), waits_s) for number in range(begin, min(begin + AT_ONCE, count))
        ]
        await asyncio.gather(*(loop.create_connection(lambda page=page: page, "127.0.0.1", port) for page in some))  # type: ignore[misc]
        pages += some
    opened = await asyncio.gather(*(page.opened for page in pages))
    tell("ready")
    await asyncio.sleep(seconds)
    cuts = statistics.quantiles(waits_s, n=100) if len(waits_s) > 1 else [0.0] * 99
    return {
        "streams": sum(opened),
        "received": len(waits_s),
        "p50_ms": round(cuts[49] * 1e3, 2),
        "p99_ms": round(cuts[98] * 1e3, 2),
    }


def _request(cookie: str) -> bytes:
    return f"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nCookie: {NAME}={cookie}\r\n\r\n".encode()


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--secret", required=True)
    asked = parser.parse_args()
    tell(json.dumps(uvloop.run(watch(asked.port, asked.streams, asked.seconds, asked.secret))))


if __name__ == "__main__":
    main()
