"""Write revisions of slates as judgements come: beside the batches, a few at a time, never waited for."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from schemas.topics import Topics
from streams.flow import Out
from streams.writer import Row, Writer


class Revising:
    """A task of a worker.

    Args:
        revise: gives what is to be written because of what was heard since; asked until it gives None.
        writer: writes it, beside the batches of the worker.
        topics: names on the broker.
        owned: the partitions that are this worker's now; a revision of another's slate is dropped.
        alive: exits when the process was paused too long.
    """

    def __init__(
        self,
        revise: Callable[[], Sequence[Out] | None],
        writer: Writer,
        *,
        topics: Topics,
        owned: Callable[[], Collection[int]],
        alive: Callable[[], None],
    ) -> None:
        self._revise = revise
        self._writer = writer
        self._topics = topics
        self._owned = owned
        self._alive = alive
        self.heard = asyncio.Event()

    async def run(self) -> None:
        """Revise whenever something was heard, until cancelled."""
        while True:
            await self.heard.wait()
            self.heard.clear()
            while (outputs := self._revise()) is not None:
                await self._write(outputs)
                await asyncio.sleep(0)

    async def _write(self, outputs: Sequence[Out]) -> None:
        owned = self._owned()
        rows: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        for out in outputs:
            if out.partition in owned:
                rows[self._topics[out.topic], out.partition].append(Row(out.key, out.value))
        self._alive()
        await self._writer.write(rows)
