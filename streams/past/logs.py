"""Partitions of logs, each read forward to an offset."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson
from aiokafka import TopicPartition

from streams.flow import LogRecord
from streams.kafka import is_embedded
from streams.reading import assigned_consumer, log_record

CHUNK = 2000
"""Records asked for at once."""


WAIT_MS = 20
"""Partitions share a connection: where some are read to their end, a longer wait would hold up the others."""


class Bounds(NamedTuple):
    """The first offset that is kept, and one past the last."""

    start: int
    end: int


class Logs:
    """Some partitions of the broker's logs, read without a group; a context manager.

    Args:
        client: keyword arguments that every aiokafka client takes.
        places: topics as the broker names them, with partitions.

    Attributes:
        bounds: of each partition when it was opened.
    """

    def __init__(self, client: Mapping[str, Any], places: Sequence[tuple[str, int]]) -> None:
        self._consumer = assigned_consumer(client, max_wait_ms=WAIT_MS)
        self._tps = [TopicPartition(*place) for place in places]
        self._waiting: dict[TopicPartition, deque[LogRecord]] = {tp: deque() for tp in self._tps}
        self.bounds: dict[tuple[str, int], Bounds] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:  # Ctrl-C too: nobody else closes it then
            await self._consumer.stop()
            raise
        return self

    async def _open(self) -> None:
        await self._consumer.start()
        self._consumer.assign(self._tps)
        starts = await self._consumer.beginning_offsets(self._tps)
        ends = await self._consumer.end_offsets(self._tps)
        self.bounds = {(tp.topic, tp.partition): Bounds(starts[tp], ends[tp]) for tp in self._tps}
        for tp in self._tps:
            self._consumer.seek(tp, starts[tp])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Go on from an offset, or from the first that is kept."""
        tp = TopicPartition(topic, partition)
        self._waiting[tp].clear()
        self._consumer.seek(tp, max(offset, self.bounds[topic, partition].start))

    async def seek_time(self, topic: str, partition: int, ms: int) -> None:
        """Go on from the first record that bears a time or a later one (ms since 1970), where the broker can tell."""
        if is_embedded():
            return
        tp = TopicPartition(topic, partition)
        found = (await self._consumer.offsets_for_times({tp: max(0, ms)}))[tp]
        self.seek(topic, partition, self.bounds[topic, partition].end if found is None else found.offset)

    async def upto(self, topic: str, partition: int, last: int | None = None) -> AsyncIterator[LogRecord]:
        """Give the next records up to an offset, or to the end as it was when this was opened."""
        tp = TopicPartition(topic, partition)
        end = self.bounds[topic, partition].end - 1
        last = end if last is None else min(last, end)
        waiting = self._waiting[tp]
        while True:
            while waiting and waiting[0].offset <= last:
                yield waiting.popleft()
            if waiting or await self._consumer.position(tp) > last:
                return
            await asyncio.sleep(0)  # what was fetched already comes without a pause, in which Ctrl-C would be heard
            found = await self._consumer.getmany(tp, timeout_ms=500, max_records=CHUNK)
            waiting.extend(log_record(record) for record in found.get(tp, ()))

    async def at(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """Give the record at an offset, None where it is not kept; reading goes on behind it."""
        bounds = self.bounds[topic, partition]
        if not bounds.start <= offset < bounds.end:
            return None
        self.seek(topic, partition, offset)
        async for record in self.upto(topic, partition, offset):
            return record if record.offset == offset else None
        return None


def plain_of(record: LogRecord) -> dict[str, Any]:
    """Read a record's JSON without validating it; empty for whatever is no JSON object."""
    try:
        plain = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        return {}
    return plain if isinstance(plain, dict) else {}
