"""Connections that are held and hardly used, in a process of their own: idle, with endless headers, with streams.

One that is hung up on is opened again, so that their number stays. Prints `ready` once all are open, and one JSON line
at the end.
"""

import argparse
import asyncio
import json
from collections import Counter
from functools import partial
from itertools import cycle
from random import random
from typing import NamedTuple

import uvloop
from telling import tell

from streams.gateway.visitor_cookie import NAME, VisitorCookies

AT_ONCE = 200
AGAIN_S = 5.0
"""Half of it on average: one that is hung up on is opened again after so long, so that they do not all come at once."""
DRIP_S = 2.0
SLOW = b"GET /v1/recommendations?placement=home HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


class Kind(NamedTuple):
    """What a connection does: says this, and then drips."""

    name: str
    opening: bytes
    drip: bytes


class Held(asyncio.Protocol):
    """One connection."""

    def __init__(self, kind: Kind, tally: Counter[str], gone: asyncio.Event) -> None:
        self._kind, self._tally, self._gone = kind, tally, gone
        self._drip: asyncio.TimerHandle | None = None
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say what there is to say."""
        self._transport = transport  # type: ignore[assignment]
        self._tally["open"] += 1
        self._say(self._kind.opening)

    def data_received(self, data: bytes) -> None:
        """Count answers by their status; of a stream the first part alone has one."""
        if data.startswith(b"HTTP/1.1 "):
            self._tally[data[9:12].decode()] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Let another one take its place."""
        del exc
        self._tally["open"] -= 1
        if self._drip is not None:
            self._drip.cancel()
        self._gone.set()

    def _say(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)
        if self._kind.drip:
            self._drip = asyncio.get_running_loop().call_later(DRIP_S, self._say, self._kind.drip)


async def hold(asked: argparse.Namespace) -> dict[str, int]:
    """Hold connections for a time, and tell what became of them."""
    tally: Counter[str] = Counter()
    loop, turn = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def keep(number: int, kind: Kind) -> None:
        source = f"127.0.0.{2 + number % asked.sources}"
        while True:
            gone = asyncio.Event()
            async with turn:
                try:
                    made = partial(Held, kind, tally, gone)
                    await loop.create_connection(made, "127.0.0.1", asked.port, local_addr=(source, 0))
                    tally["opened"] += 1
                except OSError:
                    tally["failed"] += 1
                    gone.set()
            await gone.wait()
            await asyncio.sleep(AGAIN_S * random())

    kinds = cycle([Kind("idle", b"", b""), Kind("slow", SLOW, b"x")])
    streams = [Kind("stream", _request(asked.secret, number), b"") for number in range(asked.streams)]
    tasks = [
        asyncio.create_task(keep(number, streams[number] if number < asked.streams else next(kinds)))
        for number in range(asked.connections)
    ]
    while tally["opened"] + tally["failed"] < asked.connections:  # noqa: ASYNC110  the caller waits no longer
        await asyncio.sleep(0.1)
    tell("ready")
    least, end = tally["open"], loop.time() + asked.seconds
    while loop.time() < end:
        await asyncio.sleep(0.1)
        least = min(least, tally["open"])
    found = dict(sorted(tally.items())) | {"least_open": least}
    for task in tasks:
        task.cancel()
    return found


def _request(secret: str, number: int) -> bytes:
    cookie = VisitorCookies([secret]).write(f"v{number}")
    return f"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nCookie: {NAME}={cookie}\r\n\r\n".encode()


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "connections", "streams", "sources"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--secret", required=True)
    tell(json.dumps(uvloop.run(hold(parser.parse_args()))))


if __name__ == "__main__":
    main()
