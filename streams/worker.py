"""One worker process: a Faust application around an agent, its followers, its writer and its health."""

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.errors import RetryError
from schemas.topics import DEAD_OF, JUDGEMENTS, LEARNING, SPECS, TopicName
from streams.deaths import WorkMarker, load_deaths, save_deaths
from streams.delivery import Agent, DeadLetterLimit, Delivery
from streams.drifting import tell, tell_judgements
from streams.flow import Fold, Out
from streams.follower import Follower
from streams.generations import check_generation
from streams.health import STALLED_S, Health
from streams.http import HealthServer, Probes
from streams.leaving import Leave
from streams.ownership import owner_of
from streams.partitions import PartitionState
from streams.restoring import restore
from streams.revising import Reviser, Revising
from streams.settings import Settings
from streams.telemetry import gauge, logging_config
from streams.topic_ids import UNKNOWN, topic_id
from streams.transport import ClientOptions, Position, drain, make_app, open_stream, run_app
from streams.watchdog import PAUSED, Watchdog
from streams.worker_files import Kind, files_of, group_of
from streams.writer import Writer

if TYPE_CHECKING:
    from models.knowledge import Knowledge
    from streams.snapshot_writer import SnapshotWriter

COLLECTED_AFTER = (50_000, 20, 100)
"""Objects, and rounds of younger generations, between two collections: a slate makes hundreds, and none in cycles."""

SOURCE_LOOK_S = 10.0
"""Time between two looks at which topic the source is."""

START_LIMIT_S = 60.0
"""Faust can fail to start without ending; its supervisor tries again."""


@dataclass(frozen=True)
class Job:
    """What a worker does: records of `topic` go to `agent`, which is kept informed by `folds`.

    `refuse(record, error, attempts=)` makes a dead letter; `snapshots` keeps what the folds have built; `knowledge` is
    what they build, where the worker tells of it; `reviser` knows of slates that news of the folds has made better.
    """

    kind: Kind
    topic: TopicName
    agent: Agent
    folds: Sequence[Fold]
    refuse: Callable[..., Out]
    snapshots: "SnapshotWriter | None" = None
    knowledge: "Knowledge | None" = None
    reviser: Reviser | None = None


@dataclass(frozen=True)
class Connection:
    """How the worker reaches its broker.

    `client` holds what every aiokafka client takes; `embedded` says that the broker cuts logs silently, so that every
    gap is an error; `partition_of` is the partitioner of all producers.
    """

    client: Mapping[str, Any]
    embedded: bool
    partition_of: Callable[[bytes, int], int]


class Worker:
    """Bring a job, its state and Kafka together.

    Args:
        job: what to do.
        settings: the installation's.
        connection: the broker.
        writer: writes what follows from events.
        state_writer: writes states, on a connection of its own.
        accept_gap: go on where state and source do not meet.
    """

    def __init__(
        self,
        job: Job,
        settings: Settings,
        connection: Connection,
        *,
        writer: Writer,
        state_writer: Writer,
        accept_gap: bool = False,
    ) -> None:
        self._job = job
        self._settings = settings
        self._connection = connection
        self._accept_gap = accept_gap
        self._group = group_of(settings, job.kind)
        self._files = files_of(settings, job.kind)
        self._leave = Leave(self._files / "refused")
        self._dog = Watchdog(0.8 * settings.session_timeout_s)
        self._writer = writer
        self._state_writer = state_writer
        self._start_limit = threading.Timer(START_LIMIT_S, os._exit, [PAUSED])
        self._start_limit.daemon = True
        self._restoring: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._settled = False
        self._source_ids: set[str] = set()
        self._followers = self._make_followers()
        self._app = make_app(self._group, self._options(), self)
        self._source = settings.topics[job.topic]
        self._position = Position(self._app, self._source)
        self._delivery = self._make_delivery()
        self._revising = Revising(
            job.reviser,
            writer,
            topics=settings.topics,
            owned=lambda: self._delivery.states,
            alive=self._dog.check,
        )
        self._health = Health(
            states=lambda: self._delivery.states,
            followers=self._followers,
            log_ends=self._position.log_ends,
            committed=self._position.committed,
            follower_lag_limit=settings.follower_lag_limit,
            stalled_s=max(STALLED_S, 2 * settings.session_timeout_s),  # a rebalance may take a session timeout
        )

    def run(self, server: HealthServer) -> None:
        """Work until told to stop; returns after a clean leave.

        Args:
            server: answers for the worker from now on.
        """
        server.answer(Probes(self._health.why_not_alive, self._health.why_not_ready, self._health.progress))
        gauge("partitions", self._settings.partitions)
        open_stream(self._app, self._source, self._serve)
        self._start_limit.start()
        run_app(self._app, logging_config(self._settings.log_level, self._settings.log_format))

    def assigned(self, partitions: set[int]) -> None:
        """Start restoring."""
        self.revoked()
        self._health.restoring()
        self._restoring = asyncio.create_task(self._restore(partitions))

    def revoked(self) -> None:
        """Forget every partition."""
        self._delivery.states = {}
        self._revising.drop()
        self._health.revoked()
        if self._restoring is not None:
            self._restoring.cancel()

    async def doubted(self) -> None:
        """Leave before anything is worked through of a source that is another one by now."""
        try:
            await self._check_source()
        except Exception as error:  # noqa: BLE001  whatever it is, nothing more may be written
            self._leave(error)

    async def _serve(self, stream: Any) -> None:
        self._start_limit.cancel()
        self._position.attach()
        try:
            await asyncio.gather(self._writer.start(), self._state_writer.start())
            self._dog.start()
            for work in (
                self._keep_informed(),
                self._publish(),
                self._watch_source(),
                self._revising.run(),
                *(one.run() for one in self._followers),
            ):
                self._start(work)
            if (snapshots := self._job.snapshots) is not None:
                learning = next(one for one in self._followers if one.fold is snapshots.fold)
                self._start(snapshots.run(self._elected, learning.held))
            async for batch in drain(stream, max_records=self._settings.max_batch_records, gate=self._gate):
                self._advance()
                await self._delivery.work(batch)
            await asyncio.gather(self._delivery.settle(), self._revising.close())
            await asyncio.gather(self._writer.stop(), self._state_writer.stop())
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  whatever it is, nothing more may be written
            self._leave(error)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._leave(error)

    async def _gate(self) -> None:
        """Wait until the partitions are restored and every follower is at its end."""
        while True:
            restoring = self._restoring
            if restoring is not None:
                await asyncio.wait([restoring])
            if restoring is self._restoring and all(one.ready for one in self._followers):
                return
            await asyncio.sleep(0.01)

    def _settle_memory(self) -> None:
        """Take what was built so far out of every later collection: a full one of a large shop stops all for long."""
        if not self._settled:
            self._settled = True
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECTED_AFTER)

    async def _restore(self, partitions: set[int]) -> None:
        try:
            client, topics = self._connection.client, self._settings.topics
            await check_generation(client, self._settings)
            states = await restore(
                partitions,
                client=client,
                group=self._group,
                topics=topics,
                topic_id=await self._source_id(),
                moved=self._health.restoring,
                accept_gap=self._accept_gap,
            )
            if self._accept_gap:
                await self._accept(states)
                (self._files / "gap-accepted").touch()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  nothing can be done without state
            self._leave(error)
            return
        self._accept_gap = False
        self._delivery.states = states
        self._source_ids |= {state.topic_id for state in states.values()} - {UNKNOWN}
        self._health.restored = True

    async def _source_id(self) -> str:
        if self._connection.embedded:  # gives none, and lets whoever asks wait
            return UNKNOWN
        return await asyncio.to_thread(topic_id, self._settings, self._source)

    async def _watch_source(self) -> None:
        """Look now and then, also while nothing is fetched.

        A worker that was given no partitions joins once more: it may have joined while the topic was gone, and its
        group would keep that.
        """
        joined_again = False
        while True:
            await asyncio.sleep(SOURCE_LOOK_S)
            await self._check_source()
            if self._health.restored and not self._delivery.states and not joined_again:
                joined_again = True
                self._position.rejoin()

    async def _check_source(self) -> None:
        """Notice that the source was created anew: its offsets would be taken for those of the old one.

        Raises:
            RetryError: it was, or it is gone.
        """
        found = await self._source_id()
        if found != UNKNOWN and self._source_ids - {found}:
            raise RetryError(f"topic {self._source} was created anew while events were read from it")

    async def _accept(self, states: Mapping[int, PartitionState]) -> None:
        """Go on with states that do not meet the source; what was counted against its records is forgotten first."""
        deaths = self._files / "deaths.json"
        save_deaths(deaths, load_deaths(deaths).without(states))
        await self._delivery.accept(states)

    def _advance(self) -> None:
        for one in self._followers:
            if one.advance() and one.fold.topic == JUDGEMENTS:
                self._revising.heard.set()

    async def _keep_informed(self) -> None:
        """Apply what followers read as it comes; never while a piece is decided, since that never waits."""
        while True:
            waits = [asyncio.ensure_future(one.news.wait()) for one in self._followers]
            if not waits:
                return
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            self._advance()
            await asyncio.sleep(0)

    def _elected(self) -> bool:
        """Tell whether this worker writes the snapshots: one of a group does, the owner of partition 0."""
        return 0 in self._delivery.states and all(one.ready for one in self._followers)

    async def _publish(self) -> None:
        while True:
            self._health.publish()
            if self._health.restored and all(one.ready for one in self._followers):
                self._settle_memory()
            self._tell_knowledge()
            await asyncio.sleep(1.0)

    def _tell_knowledge(self) -> None:
        learning = next((one for one in self._followers if one.fold.topic == LEARNING), None)
        began = learning.began_at() if learning else None
        if self._job.knowledge is not None and began is not None:
            tell(self._job.knowledge.model.drift, live_from=began.get(0, 0))
            tell_judgements(self._job.knowledge)

    def _options(self) -> ClientOptions:
        settings = self._settings
        return ClientOptions(
            client=self._connection.client,
            group=self._group,
            instance=settings.worker_slot,
            session_timeout_s=settings.session_timeout_s,
            heartbeat_s=settings.heartbeat_s,
            max_batch_records=settings.max_batch_records,
            fetch_min_bytes=settings.fetch_min_bytes,
            fetch_max_wait_ms=settings.fetch_max_wait_ms,
            data_dir=str(self._files / "faust"),
        )

    def _make_followers(self) -> list[Follower]:
        topics, connection = self._settings.topics, self._connection
        compacted = {spec.name for spec in SPECS if spec.config.get("cleanup.policy") == "compact"}
        # The embedded broker cuts logs and compacts none; what it cuts of `judgements` is asked for again.
        with_gaps = {JUDGEMENTS} if connection.embedded else compacted
        return [
            Follower(
                fold,
                client=connection.client,
                topics=topics,
                strict=fold.topic not in with_gaps,
            )
            for fold in self._job.folds
        ]

    def _make_delivery(self) -> Delivery:
        topics = self._settings.topics
        return Delivery(
            self._job.agent,
            self._writer,
            state_writer=self._state_writer,
            topics=topics,
            refuse=self._job.refuse,
            limit=DeadLetterLimit(self._settings.dead_letter_limit, topic=topics[DEAD_OF[self._job.topic]]),
            deaths=load_deaths(self._files / "deaths.json"),
            marker=WorkMarker(self._files / "in-work"),
            alive=self._dog.check,
            owner=owner_of(self._connection.partition_of, topics.partitions),
            log_start=self._position.log_start,
            crash=self._leave,
        )
