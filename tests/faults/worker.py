"""The clicks worker itself, with marks at which it can be killed, and a way to ask what its model is."""

import asyncio
import hashlib
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streams.worker
from models.snapshot import encode
from schemas.topics import LEARNING
from streams.app import build_clicks, serve
from streams.partitions import WATERMARK_KEY
from streams.restoring import restore
from streams.settings import Settings
from streams.worker import Job, Worker
from streams.worker_files import files_of
from streams.world import LearningFold
from streams.writer import Row, Rows, Writer
from tests.faults.marks import Marks
from tests.faults.odd_worker import TORN, TornWriter, bend_clock, clock_file, odd_marks, poisoned

FOLDER = "AISLE_FAULTS"
"""Environment variable: where the marks are."""

DIGEST = "digest.json"
ASK = signal.SIGURG
"""Asks for the model's digest; who is not listening yet ignores it."""


class MarkedOutput:
    """Writes what follows from events, and may die when it is acknowledged."""

    def __init__(self, inner: Writer, marks: Marks) -> None:
        self._inner = inner
        self._marks = marks

    async def start(self) -> None:
        """Connect."""
        await self._inner.start()

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write everything."""
        if any(rows.values()) and self._marks.due("before-output"):
            self._marks.strike(signal.SIGSTOP)
        ends = await self._inner.write(rows)
        if any(rows.values()) and self._marks.due("after-output"):
            self._marks.strike()
        return ends

    async def stop(self) -> None:
        """Disconnect."""
        await self._inner.stop()


class MarkedStates(MarkedOutput):
    """Writes states, and may die in the middle of them."""

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write everything, or a part of it and die."""
        marks, inner = self._marks, self._inner
        if rows and marks.due("before-states"):
            marks.strike(signal.SIGSTOP)
        if sum(map(len, rows.values())) >= 2 * len(rows) + 1 and marks.due("between-visitors"):
            await inner.write(_half(rows))
            marks.strike()
        if rows and marks.due("before-watermark"):
            await inner.write({to: [row for row in some if row.key != WATERMARK_KEY] for to, some in rows.items()})
            marks.strike()
        ends = await inner.write(rows)
        if rows and marks.due("after-watermark"):
            marks.strike()
        return ends


def _half(rows: Rows) -> Rows:
    """Take the first half of the visitors of the partition with most of them, and nothing of the others."""
    to, some = max(rows.items(), key=lambda item: len(item[1]))
    visitors: Sequence[Row] = [row for row in some if row.key != WATERMARK_KEY]
    return {to: visitors[: max(1, len(visitors) // 2)]}


class Asked:
    """Writes the model's offset and digest when it is asked, never while the model learns.

    Args:
        folder: the worker's.
        learning: the fold.
    """

    def __init__(self, folder: Path, learning: LearningFold) -> None:
        self._file = folder / DIGEST
        self._learning = learning

    def listen(self) -> None:
        """Answer from now on, between two tasks of the event loop."""
        asyncio.get_running_loop().add_signal_handler(ASK, self._answer)

    def _answer(self) -> None:
        model = self._learning.model
        told = {"offset": model.offset, "digest": hashlib.sha256(encode(model)).hexdigest(), "pid": os.getpid()}
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.replace(self._file)


def mark_worker(marks: Marks) -> None:
    """Put marks where the group moves partitions and where they are restored."""
    assigned, revoked = Worker.assigned, Worker.revoked

    def dying_assigned(worker: Worker, partitions: set[int]) -> None:
        assigned(worker, partitions)
        if marks.due("assigned"):
            marks.strike()

    def dying_revoked(worker: Worker) -> None:
        revoked(worker)
        if marks.due("revoked"):
            marks.strike()

    async def dying_restore(*arguments: Any, **more: Any) -> Any:
        moved = more.pop("moved")

        def dying_moved(records: int) -> None:
            moved(records)
            if marks.due("restore"):
                marks.strike()

        return await restore(*arguments, moved=dying_moved, **more)

    Worker.assigned, Worker.revoked = dying_assigned, dying_revoked  # type: ignore[method-assign]
    streams.worker.restore = dying_restore  # type: ignore[attr-defined]


def main() -> None:
    """Run it."""
    folder = Path(os.environ[FOLDER])
    marks = Marks(folder)
    asked: list[Asked] = []

    def build(settings: Settings) -> Job:
        job = poisoned(build_clicks(settings))
        learning = next(fold for fold in job.folds if fold.topic == LEARNING)
        assert isinstance(learning, LearningFold)
        asked.append(Asked(files_of(settings, "clicks"), learning))
        return job

    class Listening(MarkedOutput):
        async def start(self) -> None:
            await super().start()
            asked[0].listen()

    mark_worker(marks)
    odd, (output, states) = odd_marks(folder), TORN
    bend_clock(clock_file(folder, os.environ["AISLE_WORKER_SLOT"]))
    serve(
        build,
        write_through=lambda inner: Listening(TornWriter(inner, odd, output), marks),
        write_states_through=lambda inner: MarkedStates(TornWriter(inner, odd, states), marks),
    )


if __name__ == "__main__":
    main()
