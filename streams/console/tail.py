"""The newest records of some topics, read without a group: what is too much is passed over, and counted."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.topics import EVENTS, EVENTS_DEAD, SPECS, TopicName, Topics
from streams.reading import assigned_consumer, readable_end

BACK, BACK_LONG = 1_500, 400
"""Records of a partition that are read of what was there at the start: events and dead letters, and the longer ones."""

SHORT: frozenset[TopicName] = frozenset({EVENTS, EVENTS_DEAD})

MOST_BEHIND, MOST_BEHIND_WATCHED = 4_000, 200_000
"""Further behind, the tail goes on nearer to the end; where somebody is watched, only as a last resort."""

BREATH_S = 0.02
RETRY_S = 2.0
STUCK_S = 60.0

log = logging.getLogger(__name__)


class Tailed(NamedTuple):
    """A record with where it is from."""

    topic: TopicName
    partition: int
    record: Any


class Tail:
    """Reads the ends of topics while the process lives.

    As much time as it takes to handle records is left to others afterwards, so that it never fills a processor.

    Args:
        client: keyword arguments that every aiokafka client takes.
        topics: names and partitions of the installation.
        take: is given every record that is read.
        skipped: is told how many records of which topic were passed over.
        watched: partitions in which somebody is watched.
        wanted: topics to read.
    """

    name = "tail"

    def __init__(
        self,
        client: Mapping[str, Any],
        topics: Topics,
        *,
        wanted: tuple[TopicName, ...],
        take: Callable[[Tailed], None],
        skipped: Callable[[TopicName, int], None],
        watched: Callable[[], frozenset[int]] = frozenset,
    ) -> None:
        self._client, self._take, self._skipped, self._watched = client, take, skipped, watched
        partitions = {spec.name: topics.partitions_of(spec) for spec in SPECS}
        self._places = {
            TopicPartition(topics[name], partition): name for name in wanted for partition in range(partitions[name])
        }
        self.ends: dict[tuple[TopicName, int], int] = {}
        self._next: dict[TopicPartition, int] = {}
        self._beat = time.monotonic()
        self._begun = False

    async def run(self) -> None:
        """Read until cancelled; a broker that is away is waited for."""
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                log.warning("the newest records cannot be read (%s): trying again", type(error).__name__)
                await asyncio.sleep(RETRY_S)

    def lacks(self) -> list[str]:
        """Say whether it has begun."""
        return [] if self._begun else ["the newest records are not read yet"]

    def stuck(self) -> list[str]:
        """Say whether it has stopped going round."""
        still_s = time.monotonic() - self._beat
        return [f"nothing was read for {still_s:.0f} s"] if still_s > STUCK_S else []

    async def _read(self) -> None:
        self._beat = time.monotonic()
        consumer = assigned_consumer(self._client, parsed_only=True)
        try:
            await consumer.start()
            tps = list(self._places)
            consumer.assign(tps)
            starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
            for tp in tps:
                back = max(starts[tp], ends[tp] - _back(self._places[tp]))
                consumer.seek(tp, max(back, min(self._next.get(tp, 0), ends[tp])))  # what was read is not counted twice
                self.ends[self._places[tp], tp.partition] = ends[tp]
            self._begun = True
            while True:
                await self._round(consumer)
        finally:
            await consumer.stop()

    async def _round(self, consumer: Any) -> None:
        found = await consumer.getmany(timeout_ms=200, max_records=2000)
        began = self._beat = time.monotonic()
        for tp, records in found.items():
            name = self._places[tp]
            for record in records:
                self._take(Tailed(name, tp.partition, record))
            self._next[tp] = records[-1].offset + 1
        await self._catch_up(consumer)
        await asyncio.sleep(max(BREATH_S, time.monotonic() - began))

    async def _catch_up(self, consumer: Any) -> None:
        watched = self._watched()
        for tp, name in self._places.items():
            end = readable_end(consumer, tp)
            if end is None:
                continue
            self.ends[name, tp.partition] = end
            behind = end - await consumer.position(tp)
            if behind > (MOST_BEHIND_WATCHED if tp.partition in watched else MOST_BEHIND):
                consumer.seek(tp, end - _back(name))
                self._skipped(name, behind - _back(name))


def _back(name: TopicName) -> int:
    return BACK if name in SHORT else BACK_LONG
