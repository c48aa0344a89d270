"""Browsers that send events over connections they keep: each sends, waits for the answer, and sends again."""

import argparse
import asyncio
import json
import secrets
import time
from collections.abc import Iterator

import orjson
from telling import tell

BODIES = 50


def main() -> None:
    """Send for a while and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--events", type=int, required=True, help="in one request")
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    tell(json.dumps(asyncio.run(_load(given.port, given.connections, given.events, given.seconds))))


async def _load(port: int, connections: int, events: int, seconds: float) -> dict[str, float]:
    spent_ms: list[float] = []
    until = time.monotonic() + seconds
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_browse(port, events, until, spent_ms))
    took_s = time.monotonic() - began
    spent_ms.sort()
    return {
        "requests": len(spent_ms),
        "events_per_s": len(spent_ms) * events / took_s,
        "p50_ms": spent_ms[len(spent_ms) // 2],
        "p99_ms": spent_ms[len(spent_ms) * 99 // 100],
    }


async def _browse(port: int, events: int, until: float, spent_ms: list[float]) -> None:
    """Be one browser: the first answer brings the cookie."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    cookie = ""
    bodies = [_body(events) for _ in range(BODIES)]
    place = 0
    while time.monotonic() < until:
        body = bodies[place % BODIES]
        place += 1
        began = time.perf_counter()
        writer.write(_head(port, len(body), cookie) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(_fields(head))
        answer = await reader.readexactly(int(fields[b"content-length"]))
        spent_ms.append((time.perf_counter() - began) * 1000)
        if not head.startswith(b"HTTP/1.1 202") or b'"rejected":[]' not in answer:
            raise SystemExit(f"{head!r} {answer[:500]!r}")
        cookie = cookie or fields[b"set-cookie"].partition(b";")[0].decode()
    writer.close()


def _head(port: int, length: int, cookie: str) -> bytes:
    lines = [
        "POST /v1/events HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        f"origin: http://127.0.0.1:{port}",
        "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
        "accept: */*",
        "accept-encoding: gzip, deflate, br",
        "accept-language: en-GB,en;q=0.9",
        "sec-fetch-site: same-origin",
        "sec-fetch-mode: cors",
        "content-type: text/plain;charset=UTF-8",
        f"content-length: {length}",
        *([f"cookie: theme=dark; {cookie}"] if cookie else ()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            yield name.lower(), value.strip()


def _body(events: int) -> bytes:
    """Give what a tracker sends."""
    seen = [
        {
            "event_id": secrets.token_hex(16),
            "name": "view_item",
            "items": [{"product_id": f"p{secrets.randbelow(10_000)}", "price": 19.9, "currency": "EUR"}],
            "page": {
                "view_id": secrets.token_hex(8),
                "url": "https://shop.example/p?utm_source=mail",
                "kind": "product",
            },
            "context": {"country": "NL", "device": "mobile", "locale": "nl-NL"},
        }
        for _ in range(events)
    ]
    return orjson.dumps({"consent": "personalisation", "events": seen})


if __name__ == "__main__":
    main()
