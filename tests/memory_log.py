"""Logs in memory that are read and written as those on a broker, by a writer that can be killed."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence

from schemas.topics import SPECS, TopicName, Topics
from streams.flow import LogRecord, Out
from streams.writer import Row, Rows

NOW_MS = 1_777_723_200_000
"""2026-05-02T12:00:00Z, when everything arrives that is written."""


class KilledError(Exception):
    """The process is no more."""


class MemoryLog:
    """All topics of an installation.

    `writes_left` counts down; the last write lands as far as `lands` says (rows of all partitions together), and the
    writer is dead.
    """

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self.logs: defaultdict[tuple[TopicName, int], list[LogRecord]] = defaultdict(list)
        self.writes_left = 1 << 30
        self.lands = 1 << 30

    def append(self, topic: TopicName, partition: int, row: Row, *, at_ms: int = NOW_MS) -> LogRecord:
        """Write one record."""
        log = self.logs[topic, partition]
        log.append(LogRecord(partition, len(log), at_ms, row.key, row.value, row.headers))
        return log[-1]

    def put(self, outputs: Sequence[Out]) -> None:
        """Write what an agent gave out."""
        for out in outputs:
            self.append(out.topic, out.partition, Row(out.key, out.value))

    async def start(self) -> None:
        """Connect."""

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write, unless killed before; some of it where killed meanwhile."""
        if self.writes_left <= 0:
            raise KilledError
        self.writes_left -= 1
        lands = self.lands if self.writes_left == 0 else 1 << 30
        flat = [(name, partition, row) for (name, partition), some in rows.items() for row in some]
        for name, partition, row in flat[:lands]:
            topic = next(spec.name for spec in SPECS if self.topics[spec.name] == name)
            self.append(topic, partition, row)
        if self.writes_left == 0:
            raise KilledError
        return {}

    async def stop(self) -> None:
        """Disconnect."""

    async def starts(self, topic: TopicName) -> dict[int, int]:
        """Give the first offset kept of each partition."""
        return dict.fromkeys(await self.ends(topic), 0)

    async def ends(self, topic: TopicName) -> dict[int, int]:
        """Give the next offset of each partition."""
        spec = next(spec for spec in SPECS if spec.name == topic)
        return {partition: len(self.logs[topic, partition]) for partition in range(self.topics.partitions_of(spec))}

    async def records(
        self, topic: TopicName, starts: Mapping[int, int], ends: Mapping[int, int]
    ) -> AsyncIterator[list[LogRecord]]:
        """Give the records, a few at a time."""
        for partition, end in ends.items():
            for at in range(starts.get(partition, 0), end, 3):
                yield self.logs[topic, partition][at : min(at + 3, end)]
