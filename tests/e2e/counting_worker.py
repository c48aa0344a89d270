"""A worker process whose agent counts: every event gives one slate that says how many its visitor has had.

`FAIL_AFTER_WRITES=n` kills the process (SIGKILL) after its nth write: an odd one lies between slates and state.
`POISON` in an event's value kills it while the event is handled.
"""

import os
import signal
from collections.abc import Sequence

import orjson

from schemas.errors import DecodeError
from schemas.topics import EVENTS, EVENTS_DEAD, LEARNING, SLATES, TopicName
from streams.app import serve
from streams.flow import LogRecord, Out, Outcome
from streams.partitions import PartitionState
from streams.settings import Settings
from streams.worker import Job
from streams.writer import Rows, Writer


class CountingAgent:
    """Counts events by visitor."""

    def handle(self, records: Sequence[LogRecord], part: PartitionState) -> Outcome:
        """Count, and say so."""
        outcome = Outcome()
        for record in records:
            if b"POISON" in (record.value or b""):
                os.kill(os.getpid(), signal.SIGKILL)
            key = record.key or b""
            count = orjson.loads(part.visitors.get(key, b'{"count":0}'))["count"] + 1
            outcome.touched[key] = b'{"applied":%d,"count":%d}' % (record.offset, count)
            part.put(key, outcome.touched[key])
            part.mark = record.offset
            if (record.offset, "home") not in part.emitted:
                cause = {"offset": record.offset, "epoch": part.epoch}
                slate = {"cause": cause, "placement": "home", "revision": 0, "count": count}
                value = orjson.dumps(slate)
                outcome.outputs.append(Out(SLATES, record.partition, key, value, record.offset, "home"))
            outcome.outputs.append(Out(LEARNING, 0, None, b"%d-%d" % record[:2], record.offset))
        return outcome


class LearnedFold:
    """Counts what was learned."""

    topic: TopicName = LEARNING

    def __init__(self) -> None:
        self._positions: dict[int, int] = {}

    def apply(self, record: LogRecord) -> None:
        """Count one."""
        self._positions[record.partition] = record.offset

    def positions(self) -> dict[int, int]:
        """Give how far it has come."""
        return self._positions


class FailingWriter:
    """Dies after so many writes."""

    def __init__(self, inner: Writer, left: int) -> None:
        self._inner = inner
        self._left = left

    async def start(self) -> None:
        """Connect."""
        await self._inner.start()

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write, and die when it is time."""
        ends = await self._inner.write(rows)
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return ends

    async def stop(self) -> None:
        """Disconnect."""
        await self._inner.stop()


def refused(record: LogRecord, error: DecodeError, *, attempts: int) -> Out:
    """Make a dead letter."""
    value = orjson.dumps({"reason": error.reason, "offset": record.offset, "attempts": attempts})
    return Out(EVENTS_DEAD, record.partition, record.key, value, record.offset)


def build(_settings: Settings) -> Job:
    """Build the counting job."""
    return Job(kind="clicks", topic=EVENTS, agent=CountingAgent(), folds=[LearnedFold()], refuse=refused)


if __name__ == "__main__":
    fail_after = int(os.environ.get("FAIL_AFTER_WRITES", "0"))
    serve(build, write_through=lambda inner: FailingWriter(inner, fail_after))
