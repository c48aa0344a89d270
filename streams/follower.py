"""Keep a fold at the end of its log: a background task reads, and what it read is applied only when asked."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from schemas.errors import RefusedError
from schemas.topics import SPECS, Topics
from streams.flow import Fold, LogRecord
from streams.kafka import is_embedded
from streams.reading import assigned_consumer, log_record, readable_end

QUEUED_FETCHES = 64

BREATH_S = 0.01
"""Between two fetches that brought something: a busy log is read in hundreds of records, not in ones and twos."""

APPLIED_FOR_S = 0.05
"""Longest advance: a step costs from 2 us (a kernel) to 200 us (factors and a training row), so the time is limited and
not the records. Slates wait this long at most for each log; a worker that is behind advances again at once."""


class _Chunk(NamedTuple):
    """Records of one partition, and the position they lead to (past records that compaction took away)."""

    partition: int
    records: Sequence[LogRecord]
    position: int


class Follower:
    """Read one whole topic in order into a fold.

    The engine calls `advance` between pieces of a batch, so that all slates of a piece are decided at one position.

    Args:
        fold: what the log builds; says where to start by its positions.
        client: keyword arguments that every aiokafka client takes.
        topics: names and partition counts of the installation.
        strict: refuse any missing record. True for logs that are never compacted and on brokers that cut logs
            silently; the log of a compacted topic has gaps by nature.
        clock: monotonic seconds.
        max_wait_ms: the broker answers a fetch that finds nothing new after so long; the embedded one, any fetch.
        applied_for_s: longest advance, seconds.
    """

    def __init__(
        self,
        fold: Fold,
        *,
        client: Mapping[str, Any],
        topics: Topics,
        strict: bool,
        clock: Callable[[], float] = time.monotonic,
        max_wait_ms: int = 500,
        applied_for_s: float = APPLIED_FOR_S,
    ) -> None:
        self.fold = fold
        self._max_wait_ms = max_wait_ms
        self._applied_for_s = applied_for_s
        self._clock = clock
        self._client = client
        self._name = topics[fold.topic]
        spec = next(spec for spec in SPECS if spec.name == fold.topic)
        self._partitions = range(topics.partitions_of(spec))
        self._strict = strict
        self._queue: asyncio.Queue[_Chunk] = asyncio.Queue(QUEUED_FETCHES)
        self._begun: _Chunk | None = None
        self._held = False
        self._next = {p: fold.positions().get(p, -1) + 1 for p in self._partitions}
        self._wanted: dict[int, int] | None = None
        self._ends: dict[int, int] = {}
        self.news = asyncio.Event()

    @property
    def ready(self) -> bool:
        """True once every partition's end at the start was reached."""
        return self._wanted is not None and all(self._next[p] >= end for p, end in self._wanted.items())

    def began_at(self) -> Mapping[int, int] | None:
        """Give each partition's end when reading began, None before: what lies behind it was there at the start."""
        return self._wanted

    def positions(self) -> dict[int, int]:
        """Give the offset up to which each partition was applied, -1 for nothing yet."""
        return {p: offset - 1 for p, offset in self._next.items()}

    def lag(self) -> int:
        """Count the records known to be in the log and not applied."""
        return sum(max(0, end - self._next[p]) for p, end in self._ends.items())

    def advance(self) -> int:
        """Apply what was read, for about 50 ms at most; never called while a piece is being decided.

        Returns:
            how many records were applied; `news` stays set while more are waiting.

        Raises:
            RefusedError: a record is missing.
        """
        if self._held:
            self.news.clear()
            return 0
        until, applied = self._clock() + self._applied_for_s, 0
        while (chunk := self._next_chunk()) is not None:
            done = self._apply(chunk, until)
            applied += done
            if done < len(chunk.records):
                self._begun = chunk._replace(records=chunk.records[done:])
                return applied
            self._next[chunk.partition] = max(self._next[chunk.partition], chunk.position)
            if self._clock() >= until:
                break
        if self._queue.empty():
            self.news.clear()
        return applied

    @contextmanager
    def held(self) -> Iterator[None]:
        """Apply nothing meanwhile: another thread reads the fold, while slates go on being decided from it."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self.news.set()

    def _next_chunk(self) -> _Chunk | None:
        begun, self._begun = self._begun, None
        return begun or (None if self._queue.empty() else self._queue.get_nowait())

    def _apply(self, chunk: _Chunk, until: float) -> int:
        for done, record in enumerate(chunk.records, 1):
            self._check(record)
            self.fold.apply(record)
            self._next[chunk.partition] = record.offset + 1
            if self._clock() >= until:
                return done
        return len(chunk.records)

    async def run(self) -> None:
        """Read until cancelled."""
        consumer = assigned_consumer(self._client, max_wait_ms=self._max_wait_ms)
        await consumer.start()
        try:
            tps = [TopicPartition(self._name, p) for p in self._partitions]
            consumer.assign(tps)
            starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
            for tp in tps:
                self._check_start(tp.partition, starts[tp], ends[tp])
                consumer.seek(tp, max(starts[tp], self._next[tp.partition]))
            self._wanted = {tp.partition: ends[tp] for tp in tps}
            self._ends = dict(self._wanted)
            while True:
                await self._fetch(consumer, tps)
        finally:
            await consumer.stop()

    async def _fetch(self, consumer: Any, tps: Sequence[TopicPartition]) -> None:
        found = await consumer.getmany(timeout_ms=200, max_records=2000)
        for tp, records in found.items():
            chunk = _Chunk(tp.partition, [log_record(record) for record in records], records[-1].offset + 1)
            await self._put(chunk)
        if found:
            await asyncio.sleep(BREATH_S)
        for tp in tps:
            self._ends[tp.partition] = max(self._ends[tp.partition], readable_end(consumer, tp) or 0)
            if not found and self._next[tp.partition] < self._ends[tp.partition]:
                await self._put(_Chunk(tp.partition, (), await consumer.position(tp)))

    async def _put(self, chunk: _Chunk) -> None:
        await self._queue.put(chunk)
        self.news.set()

    def _check(self, record: LogRecord) -> None:
        expected = self._next[record.partition]
        if self._strict and record.offset > expected:
            raise RefusedError(self._missing(record.partition, expected, record.offset))

    def _check_start(self, partition: int, start: int, end: int) -> None:
        expected = self._next[partition]
        if self._strict and start > expected:
            raise RefusedError(self._missing(partition, expected, start))
        if expected > end:
            raise RefusedError(
                f"{self._name}[{partition}] ends at offset {end}, but offset {expected} is wanted next: the topic was "
                "created anew; remove the model's snapshots to start from nothing"
            )

    def _missing(self, partition: int, expected: int, found: int) -> str:
        way_out = (
            "the embedded broker keeps only the newest 5 MB of a partition; use another one, such as --broker maven"
            if is_embedded()
            else "start from a newer snapshot (AISLE_SNAPSHOT_URL), or let the model begin empty: "
            f"aisle topics create --recreate {self.fold.topic}"
        )
        return (
            f"{self._name}[{partition}]: offset {expected} is wanted next, but the log goes on at {found}: "
            f"{found - expected} records are gone; {way_out}"
        )
