"""Write revisions of slates as judgements come: beside the batches, a few at a time, never waited for."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from schemas.topics import Topics
from streams.flow import Out
from streams.writer import Row, Writer


class Reviser(Protocol):
    """What knows of slates that news have made better."""

    def revise(self) -> Sequence[Out] | None:
        """Give what is to be written because of what was heard since, some at a time; None when nothing is left."""

    def drop(self) -> None:
        """Forget all slates that could be made better: their partitions are others' now, or may be."""


class Revising:
    """A task of a worker.

    Args:
        reviser: knows what to write; None for a job without revisions.
        writer: writes it, beside the batches of the worker.
        topics: names on the broker.
        owned: the partitions that are this worker's now; a revision of another's slate is dropped.
        alive: exits when the process was paused too long.
    """

    def __init__(
        self,
        reviser: Reviser | None,
        writer: Writer,
        *,
        topics: Topics,
        owned: Callable[[], Collection[int]],
        alive: Callable[[], None],
    ) -> None:
        self._reviser = reviser
        self._writer = writer
        self._topics = topics
        self._owned = owned
        self._alive = alive
        self._writing = asyncio.Lock()
        self._closed = False
        self.heard = asyncio.Event()

    async def run(self) -> None:
        """Revise whenever something was heard, until cancelled."""
        while True:
            await self.heard.wait()
            self.heard.clear()
            more = True
            while more:
                more = await self._some()
                await asyncio.sleep(0)

    def drop(self) -> None:
        """Write nothing any more of what was served until now."""
        if self._reviser is not None:
            self._reviser.drop()

    async def close(self) -> None:
        """Write nothing any more, and wait for what is on its way."""
        self._closed = True
        async with self._writing:
            pass

    async def _some(self) -> bool:
        """Write the next few; False when there are none."""
        async with self._writing:
            outputs = None if self._reviser is None or self._closed else self._reviser.revise()
            if outputs:
                await self._write(outputs)
            return outputs is not None

    async def _write(self, outputs: Sequence[Out]) -> None:
        owned = self._owned()
        rows: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        for out in outputs:
            if out.partition in owned:
                rows[self._topics[out.topic], out.partition].append(Row(out.key, out.value))
        self._alive()
        await self._writer.write(rows)
