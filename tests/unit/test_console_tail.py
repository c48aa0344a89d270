"""The tail of the console's topics: where it goes on when a connection breaks."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.topics import EVENTS, Topics
from streams.console import tail
from streams.console.tail import Tail, Tailed

KEPT = 5


class BreakingLog:
    """A partition of five records; the first two consumers lose their connection when they have read what there is."""

    def __init__(self) -> None:
        self.consumers = 0
        self.third = asyncio.Event()

    def open(self, *_: Any, **__: Any) -> "BreakingConsumer":
        """Give the next consumer."""
        self.consumers += 1
        if self.consumers > 2:
            self.third.set()
        return BreakingConsumer(breaks=self.consumers <= 2)


class BreakingConsumer:
    """As much of a consumer as the tail uses."""

    def __init__(self, *, breaks: bool) -> None:
        self._breaks = breaks
        self._at: dict[Any, int] = defaultdict(int)

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Let go."""

    def assign(self, tps: Any) -> None:
        """Take partitions."""
        self._tps = list(tps)

    async def beginning_offsets(self, tps: Any) -> dict[Any, int]:
        """Give where the partitions begin."""
        return dict.fromkeys(tps, 0)

    async def end_offsets(self, tps: Any) -> dict[Any, int]:
        """Give where they end."""
        return dict.fromkeys(tps, KEPT)

    def seek(self, tp: Any, offset: int) -> None:
        """Go on from there."""
        self._at[tp] = offset

    async def getmany(self, **_: Any) -> dict[Any, list[Any]]:
        """Give what is there, then break or wait for ever."""
        tp = self._tps[0]
        at, self._at[tp] = self._at[tp], KEPT
        if at < KEPT:
            return {tp: [SimpleNamespace(offset=offset) for offset in range(at, KEPT)]}
        if self._breaks:
            raise KafkaConnectionError
        return await asyncio.Event().wait()  # type: ignore[return-value]

    async def position(self, tp: Any) -> int:
        """Say where it goes on."""
        return self._at[tp]

    def highwater(self, _: Any) -> int:
        """Give the end as the last fetch saw it."""
        return KEPT

    def last_stable_offset(self, _: Any) -> int:
        """Give the same: there are no transactions."""
        return KEPT


def test_what_was_read_before_a_connection_broke_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures would count it twice."""
    log, read = BreakingLog(), []
    monkeypatch.setattr(tail, "assigned_consumer", log.open)
    monkeypatch.setattr(tail, "RETRY_S", 0)

    async def run() -> None:

        def take(one: Tailed) -> None:
            read.append(one.record.offset)

        following = Tail({}, Topics(partitions=1), wanted=(EVENTS,), take=take, skipped=lambda *_: None)
        task = asyncio.create_task(following.run())
        await asyncio.wait_for(log.third.wait(), 5)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(run())
    assert read == list(range(KEPT))
