"""What can go wrong inside a worker that does not die of it: writes that time out, a poison record, a wrong clock.

The worker of the fault suite puts these around itself; each does nothing until the stage says so.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, NoReturn

from aiokafka.errors import KafkaTimeoutError

from streams.flow import LogRecord, Outcome
from streams.partitions import PartitionState
from streams.worker import Job
from streams.writer import Row, Rows, Writer
from tests.faults.marks import Marks

POISON = b'"event_id":"poison-'
"""An event that holds this kills whoever handles it."""

TORN = ("torn-output", "torn-state")
"""Marks at which a write fails after a part of it was acknowledged: of events' outputs, and of states."""

LOOK_S = 0.1


def odd_marks(folder: Path) -> Marks:
    """Give the marks of these faults: a file of their own, and an error instead of a death."""
    (folder / "odd").mkdir(exist_ok=True)
    return Marks(folder / "odd", send=_time_out)


def _time_out(_number: signal.Signals) -> NoReturn:
    raise KafkaTimeoutError("the broker did not answer in the middle of a batch")


class TornWriter:
    """Writes a part of what it is given and fails, as a producer does whose delivery times out.

    Args:
        inner: writes.
        marks: of `odd_marks`.
        name: of the mark.
    """

    def __init__(self, inner: Writer, marks: Marks, name: str) -> None:
        self._inner = inner
        self._marks = marks
        self._name = name

    async def start(self) -> None:
        """Connect."""
        await self._inner.start()

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write everything, or a part of it and no more."""
        if sum(map(len, rows.values())) > 1 and self._marks.due(self._name):
            await self._inner.write(torn(rows))
            self._marks.strike()
        return await self._inner.write(rows)

    async def stop(self) -> None:
        """Disconnect."""
        await self._inner.stop()


def torn(rows: Rows) -> Rows:
    """Take the first partitions whole, half of the next one, and nothing of the rest.

    >>> torn({("t", 0): [1, 2], ("t", 1): [3, 4], ("t", 2): [5]})
    {('t', 0): [1, 2], ('t', 1): [3]}
    """
    places = list(rows)
    middle = len(places) // 2
    whole = {to: rows[to] for to in places[:middle]}
    return whole | {places[middle]: rows[places[middle]][: len(rows[places[middle]]) // 2]}


class PoisonedAgent:
    """Dies of some records, as code with a fault does."""

    def __init__(self, inner: object, *, die: Callable[[], object] | None = None) -> None:
        self._inner = inner
        self._die = die or (lambda: os.kill(os.getpid(), signal.SIGKILL))

    def handle(self, records: Sequence[LogRecord], part: PartitionState) -> Outcome:
        """Handle them, and die of the poison when its turn comes."""
        for record in records:
            if record.offset > part.mark and POISON in (record.value or b""):
                self._die()
        return self._inner.handle(records, part)  # type: ignore[attr-defined,no-any-return]


def poisoned(job: Job) -> Job:
    """Give a job that dies of some records."""
    return replace(job, agent=PoisonedAgent(job.agent))


def clock_file(folder: Path, slot: str) -> Path:
    """Name the file that says by how many seconds a worker's wall clock is wrong."""
    return folder / f"clock-{slot}"


def bend_clock(file: Path) -> None:
    """Let this process's wall clock be wrong by what a file says; the monotonic clock goes on as it does."""
    right, right_ns, wrong = time.time, time.time_ns, [0.0]

    def look() -> None:
        while True:
            try:
                wrong[0] = float(file.read_text() or 0)
            except (OSError, ValueError):
                wrong[0] = 0.0
            time.sleep(LOOK_S)

    class Bent(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            """Tell the wrong time."""
            return datetime.fromtimestamp(time.time(), tz)

    threading.Thread(target=look, name="clock", daemon=True).start()
    time.time = lambda: right() + wrong[0]
    time.time_ns = lambda: right_ns() + int(wrong[0] * 1e9)
    import streams.app
    import streams.writer

    def append(batch: Any, row: Row) -> bool:
        """Stamp records with the wrong time: the compiled producer asks the system itself, past all patches."""
        headers, stamp = list(row.headers), int(time.time() * 1000)
        return batch.append(timestamp=stamp, key=row.key, value=row.value, headers=headers) is not None

    streams.writer._append = append
    streams.app.datetime = Bent  # type: ignore[attr-defined]
    assert abs(streams.app.datetime.now(UTC).timestamp() - right() - wrong[0]) < 1
