"""Server-sent events: sent while somebody looks, and over when the process leaves or the session is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from streams.console.shortening import shortened
from streams.console.told import plain
from streams.console.watching import Watching

EVERY_S = 1.0
LOOK_S = 0.2
"""How often it is looked whether there is news, or the end."""

SOONEST_S = 0.6
"""Between two pictures of one visitor."""

AGAIN_S = 15.0
"""A picture without news is sent again: times in it go on, and the connection is seen to live."""

Over = Callable[[], bool]


async def figures(watching: Watching, own: str | None, over: Over) -> AsyncIterator[bytes]:
    """Give the figures, and who is active, once a second."""
    with watching.looking():
        yield b"retry: 2000\n\n"
        while not over():
            yield event({**watching.figures(), "visitors": watching.visitors(own)})
            await _pause(EVERY_S, over)


async def visitor(watching: Watching, visitor_id: str, shelf: str | None, over: Over) -> AsyncIterator[bytes]:
    """Give a visitor's picture whenever something of theirs was read, and whenever more of the world is known."""
    roster = watching.roster
    if not roster.watch(visitor_id, watching.partition_of(visitor_id)):
        yield event({"refused": "Too many visitors are watched at the moment."})
        return
    try:
        with watching.looking():
            yield b"retry: 2000\n\n"
            seen: tuple[int, bool] | None = None
            sent_s = 0.0
            while not over():
                active = roster.get(visitor_id)
                now = (active.version if active else -1, watching.told_with()["ready"])
                if active is not None and (now != seen or time.monotonic() - sent_s > AGAIN_S):
                    seen, sent_s = now, time.monotonic()
                    yield event(await picture(watching, visitor_id, shelf))
                    await _pause(SOONEST_S, over)
                await _pause(LOOK_S, over)
    finally:
        roster.unwatch(visitor_id)


async def picture(watching: Watching, visitor_id: str, shelf: str | None) -> dict[str, Any]:
    """Give a visitor's picture as it is now, without their id."""
    active = watching.roster.get(visitor_id)
    assert active is not None, "watched visitors are known"
    head = {
        "handle": watching.name(visitor_id),
        "short": shortened(visitor_id),
        "last_ms": active.last_ms,
        "events_read": active.count,
        "partition": active.partition,
    }
    return {"visitor": head, **watching.told_with(), **plain(await watching.tell(active, shelf))}


def event(told: dict[str, Any]) -> bytes:
    """Write one event."""
    return b"data: " + orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS) + b"\n\n"


async def _pause(seconds: float, over: Over) -> None:
    """Wait, but not beyond the end."""
    for _ in range(max(1, round(seconds / LOOK_S))):
        if over():
            return
        await asyncio.sleep(LOOK_S)
