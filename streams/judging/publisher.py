"""What leaves the judge: tables, tombstones and spending, of the partitions it owns and of no other."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime

from schemas.judgements import Spending
from schemas.record import epoch_ms
from schemas.topics import JUDGEMENTS
from streams.flow import Out
from streams.judging.kept import KeptTables

Write = Callable[[Sequence[Out]], Awaitable[int]]
"""Writes records to `judgements`, waits for the broker, and gives the offset after the last one."""


class OvertakenError(Exception):
    """Drop the turn: its partition has gone, or somebody else has written the key's table meanwhile."""


class Publisher:
    """Writes to `judgements`, one after the other.

    Args:
        kept: the fold of `judgements`; it knows at once what is written here.
        write: to the broker.
        clock: the time.

    `owned` are the partitions of the requests whose keys are written.
    """

    def __init__(self, kept: KeptTables, *, write: Write, clock: Callable[[], datetime]) -> None:
        self.owned: frozenset[int] = frozenset()
        self._kept = kept
        self._write = write
        self._clock = clock
        self._writing = asyncio.Lock()

    def own(self, partitions: Collection[int]) -> None:
        """Write for these from now on."""
        self.owned = frozenset(partitions)

    async def leave(self) -> None:
        """Write for none: what the next owner reads when this has returned is all there is."""
        self.owned = frozenset()
        async with self._writing:
            pass

    async def tables(self, partition: int, values: Mapping[bytes, bytes | None]) -> int:
        """Write tables by key, and tombstones.

        Returns:
            the offset of the first.

        Raises:
            OvertakenError: the partition has gone.
        """
        first = await self._send(partition, values)
        at_ms = epoch_ms(self._clock())
        for place, (name, data) in enumerate(values.items()):
            self._kept.wrote(name, data, first + place, at_ms)
        return first

    async def spending(self, spending: Spending) -> None:
        """Write what a partition has spent.

        Raises:
            OvertakenError: the partition has gone.
        """
        await self._send(spending.partition, {spending.key(): spending.encode()})

    async def _send(self, partition: int, values: Mapping[bytes, bytes | None]) -> int:
        outs = [Out(JUDGEMENTS, 0, key, value, -1) for key, value in values.items()]
        async with self._writing:
            if partition not in self.owned:
                raise OvertakenError
            return await self._write(outs) - len(outs)
