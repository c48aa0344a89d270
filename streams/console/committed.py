"""How far the workers are: what their group has committed, partition by partition."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.topics import EVENTS, TopicName
from streams.reading import assigned_consumer
from streams.settings import Settings
from streams.worker_files import group_of

EVERY_S = 2.0

log = logging.getLogger(__name__)


class Committed:
    """A service that asks for the offsets of the clicks workers' group.

    Args:
        settings: the installation's, of the generation in force.
        client: keyword arguments that every aiokafka client takes.
        ends: where the topics' partitions end, as far as is known.
    """

    name = "committed"

    def __init__(
        self, settings: Settings, client: Mapping[str, Any], ends: Callable[[], Mapping[tuple[TopicName, int], int]]
    ) -> None:
        self._client, self._ends = client, ends
        self._group = group_of(settings, "clicks")
        topic = settings.topics[EVENTS]
        self._tps = [TopicPartition(topic, partition) for partition in range(settings.partitions)]
        self.offsets: dict[int, int | None] = {}
        self._at = 0.0

    def lag(self) -> list[dict[str, int | None]]:
        """Give each partition's end, committed offset and lag; None where nothing was ever committed."""
        ends, told = self._ends(), []
        for tp in self._tps:
            end, at = ends.get((EVENTS, tp.partition)), self.offsets.get(tp.partition)
            lag = None if end is None or at is None else max(0, end - at)
            told.append({"partition": tp.partition, "end": end, "committed": at, "lag": lag})
        return told

    def age_s(self) -> float | None:
        """Say how old the answer is, seconds; None before the first."""
        return round(time.monotonic() - self._at, 1) if self._at else None

    def lacks(self) -> list[str]:
        """Lack nothing: a group that nobody is in yet has committed nothing."""
        return []

    def stuck(self) -> list[str]:
        """Be never stuck: an answer that is old is shown as such."""
        return []

    async def run(self) -> None:
        """Ask until cancelled; a broker that is away is waited for."""
        while True:
            consumer = assigned_consumer(self._client, group=self._group)
            try:
                await consumer.start()
                consumer.assign(self._tps)
                consumer.pause(*self._tps)
                while True:
                    found = await asyncio.gather(*(consumer.committed(tp) for tp in self._tps))
                    self.offsets = {tp.partition: at for tp, at in zip(self._tps, found, strict=True)}
                    self._at = time.monotonic()
                    await asyncio.sleep(EVERY_S)
            except (KafkaError, OSError) as error:
                log.warning("committed offsets cannot be had (%s): trying again", type(error).__name__)
                await asyncio.sleep(EVERY_S)
            finally:
                await consumer.stop()
