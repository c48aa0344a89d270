"""The judge agent on a broker: `aisle worker judge`.

It has no state but its topics: `judgements` is followed to its end before anything is judged, and again before a
partition that comes is. The group shares out `judgements.requests`; a request is committed once it is in the queue,
since one that is lost is asked again by the next slate that lacks the same.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, RebalanceInProgressError

from schemas.topics import JUDGEMENT_REQUESTS, JUDGEMENTS, Topics
from streams.flow import Fold, Out
from streams.follower import Follower
from streams.judge import JudgeAgent
from streams.reading import log_record
from streams.telemetry import forget_gauge, gauge
from streams.writer import AiokafkaWriter, Row

POLL_MS = 200
POLL_RECORDS = 1000
COMMIT_S = 1.0
SHOW_S = 10.0
SWEEP_S = 60.0
NEXT_LOOK_S = 0.01


class JudgementsWriter:
    """Writes to `judgements`: the agent's `write`.

    Args:
        client: keyword arguments that every aiokafka client takes.
        topics: names of the installation.
    """

    def __init__(self, client: Mapping[str, Any], topics: Topics) -> None:
        self.writer = AiokafkaWriter(client)
        self._to = topics[JUDGEMENTS], 0

    async def __call__(self, outs: Sequence[Out]) -> int:
        """Write records, wait for the broker, and give the offset after the last one."""
        ends = await self.writer.write({self._to: [Row(out.key, out.value) for out in outs]})
        return ends[self._to]


class JudgeWorker(ConsumerRebalanceListener):
    """Feed a `JudgeAgent` from a broker.

    Args:
        agent: decides what is judged.
        writer: what the agent writes through.
        products: the fold of `catalog.products` that the agent reads words from.
        judgements: the fold of `judgements` that the agent knows.
        client: keyword arguments that every aiokafka client takes.
        group: consumer group, shared by all judge workers of the installation.
        topics: names and partition counts of the installation.
        session_timeout_s: a silent worker is out of the group after this.
        heartbeat_s: heartbeats to the group.
        concurrency: keys judged at the same time.

    `beat` is when it last went round.
    """

    def __init__(
        self,
        agent: JudgeAgent,
        writer: JudgementsWriter,
        *,
        products: Fold,
        judgements: Fold,
        client: Mapping[str, Any],
        group: str,
        topics: Topics,
        session_timeout_s: float = 10.0,
        heartbeat_s: float = 1.0,
        concurrency: int = 4,
    ) -> None:
        self._agent = agent
        self._writer = writer.writer
        self._concurrency = concurrency
        self._log = TopicPartition(topics[JUDGEMENTS], 0)
        # Records that are missing cost at most that something is judged again.
        self._judgements = Follower(judgements, client=client, topics=topics, strict=False)
        self._followers = [Follower(products, client=client, topics=topics, strict=False), self._judgements]
        self._requests = AIOKafkaConsumer(
            **client,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            session_timeout_ms=int(session_timeout_s * 1000),
            heartbeat_interval_ms=int(heartbeat_s * 1000),
        )
        self._requests.subscribe([topics[JUDGEMENT_REQUESTS]], listener=self)
        self._assigned: frozenset[TopicPartition] | None = None
        self._adopted: frozenset[TopicPartition] | None = None
        self._handled: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._committed_at = self._shown_at = 0.0
        self.beat = time.monotonic()

    def missing(self) -> list[str]:
        """Say why the worker is not ready, nothing when it is."""
        behind = [f"{each.fold.topic} is not read to its end" for each in self._followers if not each.ready]
        if not behind and self._adopted is None:
            behind = ["partitions are not assigned yet"]
        refused = [f"the language model refuses: {self._agent.refusal}"] if self._agent.refusal else []
        return behind + refused

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            KafkaError: the broker is away or did not take something; start again, only the queue is lost.
        """
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._writer.stop)
            await self._writer.start()
            stack.push_async_callback(self._requests.stop)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for follower in self._followers:
                        tasks.create_task(follower.run())
                        tasks.create_task(_advance(follower))
                    tasks.create_task(self._read())
                    tasks.create_task(self._sweep())
                    for _ in range(self._concurrency):
                        tasks.create_task(self._agent.work())
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None  # the others were cancelled because of it

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Write nothing more before somebody else does; calls on their way are dropped when they come back."""
        self._assigned = self._adopted = None
        for tp in revoked:
            self._handled.pop(tp, None)
            self._committed.pop(tp, None)
            forget_gauge("committed_offset", partition=str(tp.partition))
        await self._agent.leave()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take note of them: `_adopt` starts them between two fetches."""
        self._assigned = frozenset(assigned)

    async def _read(self) -> None:
        while not all(follower.ready for follower in self._followers):
            self.beat = time.monotonic()
            await asyncio.sleep(NEXT_LOOK_S)
        await self._requests.start()
        while True:
            await self._adopt()
            found = await self._requests.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            for tp, records in found.items():
                self._agent.handle([log_record(record) for record in records])
                self._handled[tp] = records[-1].offset + 1
            await self._commit()
            self._show()
            self.beat = time.monotonic()

    async def _adopt(self) -> None:
        """Judge for the partitions of this worker once all is known that their owners before have written."""
        assigned = self._assigned
        if assigned is None or self._adopted is not None:
            return
        end = (await self._requests.end_offsets([self._log]))[self._log]
        while self._judgements.positions()[0] + 1 < end:  # noqa: ASYNC110  the follower tells nobody
            await asyncio.sleep(NEXT_LOOK_S)
        if assigned is self._assigned:  # not taken away meanwhile
            self._agent.own({tp.partition for tp in assigned})
            self._adopted = assigned

    async def _commit(self) -> None:
        if time.monotonic() - self._committed_at < COMMIT_S:
            return
        self._committed_at = time.monotonic()
        ahead = {tp: offset for tp, offset in self._handled.items() if offset > self._committed.get(tp, -1)}
        if not ahead:
            return
        try:
            await self._requests.commit(ahead)
        except (CommitFailedError, IllegalStateError, RebalanceInProgressError):
            return  # the partitions are moving; who gets them reads a second of requests again
        for tp, offset in ahead.items():
            if tp in self._handled:  # not taken away meanwhile
                self._committed[tp] = offset
                gauge("committed_offset", offset, partition=str(tp.partition))

    def _show(self) -> None:
        if time.monotonic() - self._shown_at >= SHOW_S:
            self._shown_at = time.monotonic()
            self._agent.show()
            gauge("ready", not self.missing())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self._agent.sweep()


async def _advance(follower: Follower) -> None:
    while True:
        await follower.news.wait()
        follower.advance()
        await asyncio.sleep(0)
