"""The logs a replay reads and writes: a port, and Kafka behind it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

from schemas.record import epoch_ms
from streams.flow import LogRecord
from streams.replay.merging import Merged, Placed, TimeOf, cut
from streams.writer import AiokafkaWriter, Rows

Take = Callable[[int, Sequence[LogRecord]], None]

HUNGRY = 500
"""A partition with fewer records waiting is read on: megabytes in memory, whatever the log's size."""


class Source(Protocol):
    """Partitions in one order, read a piece at a time."""

    async def piece(self, *, most: int, span_ms: int) -> list[Placed]:
        """Give the next piece; empty at the end."""


class Logs(Protocol):
    """What a broker keeps, by the names it has there."""

    async def bounds(self, topic: str, partitions: int) -> dict[int, tuple[int, int]]:
        """Give first offset and end of each partition."""

    async def offsets_at(self, topic: str, partitions: int, at: datetime) -> dict[int, int]:
        """Give the first offset of each partition that came in at this time or later; the end where none did."""

    async def read(self, topic: str, spans: Mapping[int, tuple[int, int]], take: Take) -> None:
        """Read partitions from their first offset (or what is left of it) up to an end, in each one's order."""

    async def source(
        self, topic: str, spans: Mapping[int, tuple[int, int]], *, clocks: Mapping[int, int], time_of: TimeOf
    ) -> Source:
        """Read partitions in one order."""

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write records and wait until they are kept; gives the ends."""


async def search(logs: Logs, topic: str, partitions: int, at: datetime) -> dict[int, int]:
    """Do as `Logs.offsets_at`, by reading everything."""
    bounds = await logs.bounds(topic, partitions)
    found = {partition: end for partition, (_, end) in bounds.items()}
    at_ms = epoch_ms(at)

    def take(partition: int, records: Sequence[LogRecord]) -> None:
        first = next((record.offset for record in records if record.timestamp_ms >= at_ms), None)
        if first is not None:
            found[partition] = min(found[partition], first)

    await logs.read(topic, bounds, take)
    return found


class Pieces:
    """Cut what is read into pieces that are the same in every run.

    Args:
        merged: orders what is added to it.
        fill: reads on; adds at least one record or ends a partition.
    """

    def __init__(self, merged: Merged, fill: Callable[[Merged], Any]) -> None:
        self._merged = merged
        self._fill = fill
        self._ahead: list[Placed] = []

    async def piece(self, *, most: int, span_ms: int) -> list[Placed]:
        """Give the next piece; empty at the end."""
        while len(self._ahead) < most and not self._merged.done:
            found = self._merged.take(most)
            self._ahead += found
            if not found:
                await self._fill(self._merged)
        if not self._ahead:
            return []
        count = cut(self._ahead, most=most, span_ms=span_ms)
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken


class KafkaLogs:
    """Logs on a broker; also a context manager.

    Args:
        client: keyword arguments that every aiokafka client takes.
        ask: gives the offsets of a topic at a time, milliseconds since 1970; None: the broker knows none.
    """

    def __init__(
        self, client: Mapping[str, Any], *, ask: Callable[[str, int], Mapping[int, int]] | None = None
    ) -> None:
        from streams.reading import assigned_consumer

        self._ask = ask
        self._new = partial(assigned_consumer, client)
        self._consumers: list[Any] = []
        self._writer = AiokafkaWriter(client)

    async def __aenter__(self) -> Self:
        await self._writer.start()
        await self._consumer()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for consumer in self._consumers:
            await consumer.stop()
        await self._writer.stop()

    async def bounds(self, topic: str, partitions: int) -> dict[int, tuple[int, int]]:
        """Give first offset and end of each partition."""
        from aiokafka import TopicPartition

        consumer = self._consumers[0]
        tps = [TopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(tps)
        starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        return {tp.partition: (starts[tp], ends[tp]) for tp in tps}

    async def offsets_at(self, topic: str, partitions: int, at: datetime) -> dict[int, int]:
        """Ask the broker, or search."""
        if self._ask is None:
            return await search(self, topic, partitions, at)
        return dict(await asyncio.to_thread(self._ask, topic, epoch_ms(at)))

    async def read(self, topic: str, spans: Mapping[int, tuple[int, int]], take: Take) -> None:
        """Read partitions one beside the other."""
        from aiokafka import TopicPartition

        from streams.reading import log_record

        consumer = self._consumers[0]
        left = {TopicPartition(topic, p): end for p, (start, end) in spans.items() if start < end}
        if not left:
            return
        consumer.assign(list(left))
        begins = await consumer.beginning_offsets(list(left))
        for tp in left:
            consumer.seek(tp, max(begins[tp], spans[tp.partition][0]))
        while left := {tp: end for tp, end in left.items() if await consumer.position(tp) < end}:
            found = await consumer.getmany(*left, timeout_ms=100, max_records=5000)
            for tp, records in found.items():
                take(tp.partition, [log_record(record) for record in records if record.offset < left[tp]])

    async def source(
        self, topic: str, spans: Mapping[int, tuple[int, int]], *, clocks: Mapping[int, int], time_of: TimeOf
    ) -> Source:
        """Read partitions in one order, on a connection of its own."""
        from aiokafka import TopicPartition

        from streams.reading import log_record

        consumer = await self._consumer()
        ends = {TopicPartition(topic, p): end for p, (_, end) in spans.items()}
        consumer.assign(list(ends))
        begins = await consumer.beginning_offsets(list(ends))
        for tp in ends:
            consumer.seek(tp, max(begins[tp], spans[tp.partition][0]))

        async def fill(merged: Merged) -> None:
            wanted = [tp for tp in ends if tp.partition in merged.hungry(HUNGRY)]
            found = await consumer.getmany(*wanted, timeout_ms=100, max_records=2000)
            for tp, records in found.items():
                merged.add(tp.partition, [log_record(record) for record in records if record.offset < ends[tp]])
            for tp in wanted:
                if await consumer.position(tp) >= ends[tp]:
                    merged.end(tp.partition)

        return Pieces(Merged({p: clocks[p] for p in spans}, time_of), fill)

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write records and wait until they are kept."""
        return await self._writer.write(rows)

    async def _consumer(self) -> Any:
        consumer = self._new()
        await consumer.start()
        self._consumers.append(consumer)
        return consumer
