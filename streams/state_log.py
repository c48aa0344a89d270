"""Write state behind the slates: one write at a time, and what comes meanwhile goes together into the next one."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from streams.telemetry import observe
from streams.writer import Row, Writer

MOST_ROWS = 20_000
"""More than this waits for no one: the next batch is held until the state is written."""


class Work(Protocol):
    """A batch as the transport brings it."""

    def owned(self) -> bool:
        """Tell whether the partitions are still this worker's."""

    def ack(self) -> None:
        """Let the offsets be committed."""


class StateLog:
    """Steps 3 and 4 of every batch: changelog rows, the watermark last, then the acknowledgement.

    Args:
        writer: writes; not the one of the slates, so that neither waits for the other's request.
        check: raises when a batch may not be written any more.
        crash: ends the process when a write fails, at once and not at the next batch.
    """

    def __init__(
        self, writer: Writer, *, check: Callable[[Work], None], crash: Callable[[BaseException], None]
    ) -> None:
        self._writer = writer
        self._check = check
        self._crash = crash
        self._rows: dict[tuple[str, int], dict[bytes | None, Row]] = {}
        self._works: list[tuple[Work, bool]] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, work: Work, rows: Mapping[tuple[str, int], Sequence[Row]], *, last: bool) -> None:
        """Take the state after (a piece of) a batch; `last` when the batch is to be acknowledged with it."""
        for to, some in rows.items():
            waiting = self._rows.setdefault(to, {})
            for row in some:
                waiting.pop(row.key, None)  # a later state replaces an earlier one, and the watermark stays last
                waiting[row.key] = row
        self._works.append((work, last))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._ended)

    async def room(self) -> None:
        """Wait while too much is waiting to be written."""
        if sum(map(len, self._rows.values())) > MOST_ROWS:
            await self.settle()

    async def settle(self) -> None:
        """Wait until everything is written and acknowledged."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        while self._works:
            began = time.perf_counter()
            rows, self._rows = self._rows, {}
            works, self._works = self._works, []
            for work, _ in works:
                self._check(work)
            await self._writer.write({to: list(some.values()) for to, some in rows.items()})
            observe("batch_seconds", time.perf_counter() - began, step="state")
            for work, last in works:
                if last:
                    work.ack()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash(error)
