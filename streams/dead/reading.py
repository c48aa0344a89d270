"""Read logs from offset to offset, a few thousand records at a time."""

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import SPECS, TopicName, Topics
from streams.flow import LogRecord
from streams.kafka import is_embedded
from streams.reading import assigned_consumer, log_record

AT_ONCE = 5000


class Reader(Protocol):
    """Reads the installation's topics; one at a time."""

    async def ends(self, topic: TopicName) -> dict[int, int]:
        """Give the next offset of each partition."""

    async def starts(self, topic: TopicName) -> dict[int, int]:
        """Give the first offset kept of each partition."""

    def records(
        self, topic: TopicName, starts: Mapping[int, int], ends: Mapping[int, int]
    ) -> AsyncIterator[list[LogRecord]]:
        """Give the records of each partition from `starts` to before `ends`, in its order; some at a time."""


class KafkaReader:
    """Reads from a broker without a group.

    Args:
        client: keyword arguments that every aiokafka client takes.
        topics: names on the broker.
        max_wait_ms: a fetch that finds nothing new is answered after so long; what is asked meanwhile waits for it.
    """

    def __init__(self, client: Mapping[str, Any], topics: Topics, *, max_wait_ms: int = 500) -> None:
        self.client = client
        self.topics = topics
        self._consumer: AIOKafkaConsumer = assigned_consumer(client, max_wait_ms=max_wait_ms)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def ends(self, topic: TopicName) -> dict[int, int]:
        """Give the next offset of each partition."""
        return {tp.partition: end for tp, end in (await self._consumer.end_offsets(self._all(topic))).items()}

    async def starts(self, topic: TopicName) -> dict[int, int]:
        """Give the first offset kept of each partition."""
        return {tp.partition: at for tp, at in (await self._consumer.beginning_offsets(self._all(topic))).items()}

    async def starts_at(self, topic: TopicName, ms: int) -> dict[int, int]:
        """Give offsets before which nothing arrived at a time (ms since 1970) or later; the first where none is known.

        The embedded broker cannot tell: it gives the first ones kept.
        """
        starts = await self.starts(topic)
        if is_embedded():
            return starts
        ends = await self.ends(topic)
        found = await self._consumer.offsets_for_times(dict.fromkeys(self._all(topic), max(0, ms)))
        return {tp.partition: ends[tp.partition] if at is None else at.offset for tp, at in found.items()}

    async def count(self, topic: TopicName) -> int:
        """Give how many offsets a topic keeps."""
        return sum((await self.ends(topic)).values()) - sum((await self.starts(topic)).values())

    async def records(
        self, topic: TopicName, starts: Mapping[int, int], ends: Mapping[int, int]
    ) -> AsyncIterator[list[LogRecord]]:
        """Give the records of each partition from `starts` to before `ends`, in its order; some at a time."""
        kept = await self.starts(topic)
        firsts = {partition: max(kept[partition], starts.get(partition, 0)) for partition in ends}
        left = {TopicPartition(self.topics[topic], p): end for p, end in ends.items() if firsts[p] < end}
        if not left:  # nor assigned: aiokafka hangs when it is stopped just then
            return
        self._consumer.assign(list(left))
        for tp in left:
            self._consumer.seek(tp, firsts[tp.partition])
        while left := {tp: end for tp, end in left.items() if await self._consumer.position(tp) < end}:
            found = await self._consumer.getmany(*left, timeout_ms=100, max_records=AT_ONCE)
            for tp, records in found.items():
                yield [log_record(record) for record in records if record.offset < left[tp]]

    def _all(self, topic: TopicName) -> list[TopicPartition]:
        spec = next(spec for spec in SPECS if spec.name == topic)
        return [TopicPartition(self.topics[topic], p) for p in range(self.topics.partitions_of(spec))]
