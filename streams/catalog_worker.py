"""The catalog agent on a broker: `aisle worker catalog`.

It needs no restore and no stored position: both of its topics are read from their start, which takes seconds, and what
is already embedded is no work. The group shares out partitions, and its committed offsets say only which dead letters
are written. Reading and embedding run beside each other, so that a single change overtakes the load before it.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, RebalanceInProgressError

from models.ports import Embedder
from schemas.topics import EMBEDDINGS, PRODUCTS, PRODUCTS_DEAD, Topics
from streams.catalog import CatalogAgent
from streams.delivery import DeadLetterLimit
from streams.embedding import VectorStore, embed_texts
from streams.embedding_queue import Job
from streams.flow import LogRecord, Out
from streams.reading import assigned_consumer, log_record, read_to_end
from streams.telemetry import forget_gauge, gauge
from streams.writer import AiokafkaWriter, Row

POLL_MS = 200
POLL_RECORDS = 1000
COMMIT_S = 1.0
PUBLISH_S = 15.0


class CatalogWorker(ConsumerRebalanceListener):
    """Feed a `CatalogAgent` from a broker and write what it makes.

    Args:
        agent: decides what is embedded.
        embedder: makes the vectors, on a thread of its own.
        store: keeps them on disk.
        client: keyword arguments that every aiokafka client takes.
        group: consumer group, shared by all catalog workers of the installation.
        topics: names and partition counts of the installation.
        dead_letter_limit: share of refused records at which the worker stops.

    `ready` turns True when the worker's partitions are read to their end; `beat` is when it last went round.
    """

    def __init__(
        self,
        agent: CatalogAgent,
        embedder: Embedder,
        store: VectorStore,
        *,
        client: Mapping[str, Any],
        group: str,
        topics: Topics,
        dead_letter_limit: float = 0.5,
    ) -> None:
        self._agent = agent
        self._embedder = embedder
        self._store = store
        self._topics = topics
        self._writer = AiokafkaWriter(client)
        self._writing = asyncio.Lock()
        self._vectors = assigned_consumer(client)
        self._products = AIOKafkaConsumer(
            **client,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )
        self._products.subscribe([topics[PRODUCTS]], listener=self)
        self._limit = DeadLetterLimit(dead_letter_limit, topic=topics[PRODUCTS_DEAD])
        self._dead_from: dict[TopicPartition, int] = {}
        self._handled: dict[TopicPartition, int] = {}
        self._committed_at = self._published_at = 0.0
        self._work = asyncio.Event()
        self.ready = False
        self.beat = time.monotonic()

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            RefusedError: most products are refused.
            KafkaError: the broker is away or did not take something; start again, nothing is lost.
        """
        async with contextlib.AsyncExitStack() as stack:
            for client in (self._writer, self._vectors, self._products):
                stack.push_async_callback(client.stop)
                await client.start()
            await read_to_end(self._vectors, self._topics[EMBEDDINGS], {0: 0}, self._follow)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for work in (self._follow_on, self._read, self._embed):
                        tasks.create_task(work())
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None  # the others were cancelled because of it

    def _follow(self, _partition: int, records: Sequence[LogRecord]) -> None:
        for record in records:
            self._agent.follow(record)

    async def _follow_on(self) -> None:
        """Keep up with what other catalog workers write."""
        while True:
            for records in (await self._vectors.getmany(timeout_ms=POLL_MS)).values():
                self._follow(0, [log_record(record) for record in records])

    async def _read(self) -> None:
        while True:
            found = await self._products.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            for tp, records in found.items():
                if tp in self._handled:
                    await self._handle(tp, [log_record(record) for record in records])
            await self._adopt()
            await self._commit()
            if not self.ready and await self._at_end():
                await self._write_orphans()
                self.ready = True
            self._publish()
            self.beat = time.monotonic()

    def _publish(self) -> None:
        """Tell the vectors' age now and then: it is looked for among all of them."""
        if time.monotonic() - self._published_at >= PUBLISH_S:
            self._published_at = time.monotonic()
            gauge("oldest_vector_age_seconds", self._agent.oldest_age_s())
            gauge("ready", self.ready)

    async def _write_orphans(self) -> None:
        """Take away vectors without a product, which only a worker that reads all partitions whole can know."""
        partitions = self._products.partitions_for_topic(self._topics[PRODUCTS]) or set()
        starts = await self._products.beginning_offsets(list(self._handled))
        whole = {tp.partition for tp, start in starts.items() if start == 0}
        if whole >= partitions:
            await self._write(self._agent.orphans())

    async def _handle(self, tp: TopicPartition, records: list[LogRecord]) -> None:
        outcome = self._agent.handle(records, dead_from=self._dead_from[tp])
        await self._write(outcome.outputs)
        if tp in self._handled:  # not taken away meanwhile
            self._handled[tp] = records[-1].offset + 1
        dead = sum(out.topic == PRODUCTS_DEAD for out in outcome.outputs)
        if dead:
            self._committed_at = 0.0
        self._limit.add(len(records), dead)
        if self._limit.exceeded:
            await self._commit()  # these letters are written; the next start must not write them again
        self._limit.check()
        self._work.set()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Drop the work of partitions that go; who gets them reads them from their start."""
        for tp in revoked:
            self._handled.pop(tp, None)
            forget_gauge("committed_offset", partition=str(tp.partition))
            self._agent.forget(tp.partition)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Nothing yet: `_adopt` starts new partitions between two fetches."""

    async def _adopt(self) -> None:
        """Start partitions that came from their first record."""
        for tp in self._products.assignment() - self._handled.keys():
            with contextlib.suppress(IllegalStateError):  # it went again meanwhile
                self._dead_from[tp] = await self._products.committed(tp) or 0
                await self._products.seek_to_beginning(tp)
                self._handled[tp] = 0

    async def _commit(self) -> None:
        if time.monotonic() - self._committed_at < COMMIT_S:
            return
        self._committed_at = time.monotonic()
        ahead = {tp: offset for tp, offset in self._handled.items() if offset > self._dead_from[tp]}
        if not ahead:
            return
        try:
            await self._products.commit(ahead)
        except (CommitFailedError, IllegalStateError, RebalanceInProgressError):
            return  # the partitions are moving; the next commit says the same
        self._dead_from.update(ahead)
        for tp, offset in ahead.items():
            if tp in self._handled:  # not taken away meanwhile
                gauge("committed_offset", offset, partition=str(tp.partition))

    async def _at_end(self) -> bool:
        """Tell whether the partitions of this worker are read."""
        if not self._handled:
            return False
        ends = await self._products.end_offsets(list(self._handled))
        return all([await self._products.position(tp) >= end for tp, end in ends.items()])

    async def _embed(self) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="embed") as thread:
            while True:
                batch = self._agent.next_batch()
                if not batch:
                    self._work.clear()
                    await self._work.wait()
                    continue
                vectors = await loop.run_in_executor(thread, self._vectors_of, batch)
                await self._write(self._agent.finish(batch, vectors))

    def _vectors_of(self, batch: Sequence[Job]) -> dict[str, np.ndarray]:
        return embed_texts({job.text_hash: job.text for job in batch}, self._embedder, self._store)

    async def _write(self, outputs: Sequence[Out]) -> None:
        rows: dict[tuple[str, int], list[Row]] = {}
        for out in outputs:
            rows.setdefault((self._topics[out.topic], out.partition), []).append(Row(out.key, out.value))
        async with self._writing:  # in the order in which the agent decided, across the two tasks
            await self._writer.write(rows)
