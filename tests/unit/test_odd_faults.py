"""What the odd faults do to a worker, without one."""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

import streams.app
import streams.writer
from streams.flow import LogRecord
from streams.partitions import PartitionState, Restore, Watermark
from streams.writer import Row
from tests.faults.kinds.poison import _poison
from tests.faults.odd_worker import TornWriter, bend_clock, odd_marks, poisoned
from tests.faults.oracle import Oracle

ROWS = {("t", 0): ["a", "b"], ("t", 1): ["c", "d"], ("t", 2): ["e"]}


class Kept:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    async def write(self, rows: Any) -> dict[tuple[str, int], int]:
        self.rows.append(rows)
        return {}


def test_a_torn_write_is_torn_once(tmp_path: Path) -> None:
    """A part is written, then the delivery fails; before and after it, everything is written."""
    marks, kept = odd_marks(tmp_path), Kept()
    writer = TornWriter(kept, marks, "torn-output")  # type: ignore[arg-type]
    asyncio.run(writer.write(ROWS))  # type: ignore[arg-type]
    marks.arm("torn-output", visit=2)  # type: ignore[arg-type]
    asyncio.run(writer.write(ROWS))  # type: ignore[arg-type]
    with pytest.raises(KafkaTimeoutError):
        asyncio.run(writer.write(ROWS))  # type: ignore[arg-type]
    assert marks.struck
    asyncio.run(writer.write(ROWS))  # type: ignore[arg-type]
    assert kept.rows == [ROWS, ROWS, {("t", 0): ["a", "b"], ("t", 1): ["c"]}, ROWS]


def test_poison_kills_who_handles_it_and_nobody_else() -> None:
    """Not who skips it as applied, and not who handles other records."""
    deaths: list[int] = []
    job = poisoned(_Job(SimpleNamespace(handle=lambda *_: "handled")))  # type: ignore[arg-type]
    job.agent._die = lambda: deaths.append(1)  # type: ignore[attr-defined]
    record = LogRecord(0, 7, 0, b"v", b'{"event_id":"poison-1"}')
    assert job.agent.handle([record._replace(value=b"{}")], PartitionState(0)) == "handled"
    assert job.agent.handle([record], PartitionState(0, mark=7)) == "handled"
    assert deaths == []
    job.agent.handle([record], PartitionState(0))
    assert deaths == [1]


def test_the_oracle_knows_poison() -> None:
    """It is a dead letter of its own reason, and changes nobody's context."""
    value = b'{"event_id":"poison-1","name":"view_item","visitor_id":"v","at":"2026-05-01T00:00:00Z"}'
    oracle = Oracle()
    due = oracle.take(LogRecord(0, 7, 1_777_593_600_000, b"v", value))
    assert (due.dead, due.visitor, dict(due.slates), oracle.visitors()) == ("handler", None, {}, [])


@pytest.mark.parametrize("seed", range(6))
def test_a_poisoned_changelog_is_what_it_was(seed: int) -> None:
    """Nothing of the poison is state, whatever was drawn; all of it is counted as unreadable."""
    clean, poisoned = Restore(0), Restore(0)
    for restore in (clean, poisoned):
        keys = [b"v-%04d" % number for number in range(300)]
        restore.changelog([LogRecord(0, 0, 0, key, b'{"applied":3,"version":1,"clock":1}') for key in keys])
        restore.changelog([LogRecord(0, 1, 0, b"\0watermark", Watermark(3, 0).encode())])
    poison = _poison(0, Random(seed))
    poisoned.changelog([LogRecord(0, 2, 0, key, value, tuple(headers)) for key, value, headers in poison])
    assert replace(poisoned.finish(), unreadable=0) == clean.finish()


def test_a_bent_clock_goes_wrong_and_right_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the file says, in both of the ways a process reads it; the monotonic clock is left alone."""
    monkeypatch.setattr(time, "time", time.time)
    monkeypatch.setattr(time, "time_ns", time.time_ns)
    monkeypatch.setattr(streams.app, "datetime", datetime)
    monkeypatch.setattr(streams.writer, "_append", streams.writer._append)
    steady = time.monotonic
    bend_clock(tmp_path / "clock")
    (tmp_path / "clock").write_text("3700")
    _until(lambda: time.time() > datetime.now(UTC).timestamp() + 3600)
    assert streams.app.datetime.now(UTC) > datetime.now(UTC) + timedelta(hours=1)
    assert time.time_ns() > (datetime.now(UTC).timestamp() + 3600) * 1e9
    stamps: list[int] = []
    streams.writer._append(SimpleNamespace(append=lambda timestamp, **_: stamps.append(timestamp)), Row(b"k", b"v"))
    assert stamps[0] > (datetime.now(UTC).timestamp() + 3600) * 1000
    (tmp_path / "clock").unlink()
    _until(lambda: abs(time.time() - datetime.now(UTC).timestamp()) < 1)
    assert time.monotonic is steady


def _until(done: Any) -> None:
    until = time.monotonic() + 20
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


@dataclass
class _Job:
    """As much of a job as is poisoned."""

    agent: Any
