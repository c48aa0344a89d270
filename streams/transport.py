"""The file that knows Faust's private names: one message per fetch instead of one per record.

Faust spends 50-75 us of CPU on a record (tasks, locks, queue hops, sensors), aiokafka 2 us. With the URL scheme
`batch://` Faust keeps what it is good at (membership, assignment, rebalances, supervision, graceful stop) and its
record path carries whole fetches. `tests/contract` pins every name used here.

What differs from Faust's own consumer, each because a real broker showed it:
- `ack` is ours: the inherited one ignores what lies below an offset whose commit *failed*, and so blocks for ever.
- a failed commit is tried again within the same generation.
- clients are made from `ClientOptions` alone: Faust's fetch settings are hard-coded, its producer is not idempotent.
- restoring runs beside the assignment callback: no heartbeats are sent while that callback runs.
"""

import asyncio
import os
import threading
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError
from faust.serializers.schemas import Schema
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.utils.futures import notify

from streams.flow import LogRecord
from streams.reading import log_record, readable_end
from streams.watchdog import PAUSED

FETCH_BYTES = 1 << 23
"""Most that one fetch brings, whatever the number of partitions: with `QUEUED_FETCHES` it bounds what lies in memory
while input comes faster than it is worked through. The rest waits at the broker, as lag."""

QUEUED_FETCHES = 16


class Membership(Protocol):
    """What is told when partitions come and go."""

    def assigned(self, partitions: set[int]) -> None:
        """Start restoring these partitions; must return at once."""

    def revoked(self) -> None:
        """Forget all partitions; called when the batch in work is through."""

    async def doubted(self) -> None:
        """Look whether the source is the one it was; what was fetched waits meanwhile."""


@dataclass(frozen=True)
class ClientOptions:
    """How the worker's clients connect and fetch.

    `client` holds the keyword arguments every aiokafka client takes (bootstrap servers, security).
    """

    client: Mapping[str, Any]
    group: str
    instance: str | None
    session_timeout_s: float
    heartbeat_s: float
    max_batch_records: int
    fetch_min_bytes: int
    fetch_max_wait_ms: int
    data_dir: str


class BatchSchema(Schema):
    """Pass what a fetch brought through undecoded."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002  Faust's signature
        """Give the key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002  Faust's signature
        """Give the value as it is."""
        return message.value


class Flight:
    """Offsets delivered and acknowledged of one partition, in order; gives the acknowledged prefix.

    >>> flight = Flight()
    >>> first, second = flight.deliver(9), flight.deliver(19)
    >>> second.acked = True; flight.committable()
    >>> first.acked = True; flight.committable()
    20
    """

    @dataclass(slots=True)
    class Entry:
        """One delivery: its last offset."""

        last: int
        acked: bool = False

    def __init__(self) -> None:
        self._entries: deque[Flight.Entry] = deque()
        self._retry: int | None = None

    def deliver(self, last: int) -> Entry:
        """Note a delivery that ends with this offset."""
        entry = Flight.Entry(last)
        self._entries.append(entry)
        return entry

    def committable(self) -> int | None:
        """Take the offset to commit: one after the acknowledged prefix, or that of a commit that failed."""
        offset, self._retry = self._retry, None
        while self._entries and self._entries[0].acked:
            offset = self._entries.popleft().last + 1
        return offset

    def failed(self, offset: int) -> None:
        """Keep an offset whose commit failed, to be tried again."""
        self._retry = max(offset, self._retry or 0)


class Consumer(driver.Consumer):
    """Faust's consumer, delivering fetches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._flights: defaultdict[TP, Flight] = defaultdict(Flight)
        self._deliveries: dict[tuple[TP, int], list[Flight.Entry]] = {}
        self._delivered: dict[TP, int] = {}
        self._positions: Mapping[TP, int] = {}
        self.committed: dict[int, int] = {}

    def _new_consumer_thread(self) -> "ConsumerThread":
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was delivered."""
        await super().on_partitions_revoked(revoked)
        self._forget()
        self.committed.clear()

    async def perform_seek(self) -> None:
        """Forget what was delivered: it will be delivered again."""
        self._forget()
        await super().perform_seek()

    def _forget(self) -> None:
        self._flights.clear()
        self._deliveries.clear()
        self._delivered.clear()
        self._positions = {}

    def ack(self, message: Any) -> bool:
        """Acknowledge everything a message carried."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        entries = self._deliveries.pop((message.tp, message.offset), [])
        for entry in entries:
            entry.acked = True
        self._n_acked += len(entries)
        notify(self._waiting_for_ack)
        return bool(entries)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:
        return [tp for tp in self._flights if topics is None or tp in topics or tp.topic in topics]

    def _new_offset(self, tp: TP) -> int | None:
        return self._flights[tp].committable()

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002
        generation = self.app.consumer_generation_id
        done = await super()._commit_offsets(offsets, start_new_transaction=start_new_transaction)
        if done:
            self.committed.update({tp.partition: offset for tp, offset in offsets.items()})
        else:
            for tp, offset in offsets.items():
                self._committed_offset.pop(tp, None)
                if generation == self.app.consumer_generation_id and tp in self._flights:
                    self._flights[tp].failed(offset)
        return bool(done)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):  # noqa: SLF001
                await asyncio.sleep(0)
                records, active = await self._wait_next_records(1.0)
                if records is None or self.should_stop:
                    break
                if self._thread.doubted and not await self._assured():
                    await self._seek_back()
                elif self.flow_active:
                    # A full buffer takes a partition out of `active` while its fetch is under way.
                    wanted = None if active is None else active | self._buffered_partitions
                    await self._deliver({tp: r for tp, r in records.items() if wanted is None or tp in wanted})
                    self._positions = self._thread.positions()  # only now is all that they have passed delivered
                else:
                    await self._seek_back()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise
        except Exception:
            self.log.exception("The fetch loop failed")
            raise

    async def _assured(self) -> bool:
        """Let the source be looked at; False where what was fetched before belongs to an earlier assignment by now."""
        generation = self.app.consumer_generation_id
        self._thread.doubted = False
        await self.app.membership.doubted()
        return bool(self.flow_active and generation == self.app.consumer_generation_id)

    async def _seek_back(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001  the next assignment seeks again
            self.log.warning("Could not seek back while partitions move: %r", error)

    async def _deliver(self, records: Mapping[TP, list[Any]]) -> None:
        parts: dict[TP, list[Any]] = {}
        for tp, found in records.items():
            read = self._read_offset[tp]
            wanted = found if read is None or found[0].offset >= read else [r for r in found if r.offset >= read]
            if wanted:
                parts[TP(tp.topic, tp.partition)] = wanted
        if not parts:
            return
        first = next(iter(parts))  # the message is named after its first partition, its ack covers all of them
        last = parts[first][-1]
        message = ConsumerMessage(
            first.topic, first.partition, last.offset, last.timestamp / 1000.0, last.timestamp_type,
            None, None, parts, None, 0, 0, first, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip
        entries = []
        for tp, found in parts.items():
            entries.append(self._flights[tp].deliver(found[-1].offset))
            self._read_offset[tp] = self._delivered[tp] = found[-1].offset
        self._deliveries[first, last.offset] = entries
        await self.wait_first(self.callback(message), self.suspend_flow.wait())

    def log_end(self, tp: TP, mark: int) -> int | None:
        """Give one past the last record there is for us, as the last fetch saw it; None before the first.

        A log that a transactional producer wrote ends with the mark of its commit, which is an offset but no record.

        Args:
            tp: a partition of ours.
            mark: the last offset applied.
        """
        end = self.highwater(tp)
        if end is not None and self._positions.get(tp, -1) >= end:
            return max(mark, self._delivered.get(tp, -1)) + 1
        return end


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread with a client of ours.

    `doubted` is set when the client asks for the topics anew, as it does when a fetch finds a partition gone: it may be
    back under its name a moment later, as another one.
    """

    doubted = False

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:  # noqa: ARG002  Faust's signature
        options: ClientOptions = self.app.client_options
        self._assignor = RoundRobinPartitionAssignor
        consumer = AIOKafkaConsumer(
            **options.client,
            group_id=options.group,
            group_instance_id=options.instance,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",  # what a producer took back was never sent
            max_poll_records=options.max_batch_records,
            # Liveness is ours to judge (watchdog, committed progress): an idle shop is not a dead worker.
            max_poll_interval_ms=24 * 3600 * 1000,
            max_partition_fetch_bytes=1 << 20,
            fetch_max_bytes=FETCH_BYTES,
            fetch_min_bytes=options.fetch_min_bytes,
            fetch_max_wait_ms=options.fetch_max_wait_ms,
            session_timeout_ms=int(options.session_timeout_s * 1000),
            rebalance_timeout_ms=int(options.session_timeout_s * 1000),
            heartbeat_interval_ms=int(options.heartbeat_s * 1000),
        )
        self._doubt_with(consumer._client)  # noqa: SLF001
        return consumer

    def _doubt_with(self, client: Any) -> None:
        update = client.force_metadata_update

        def doubting() -> Any:
            self.doubted = True
            return update()

        client.force_metadata_update = doubting

    def highwater(self, tp: TP) -> int | None:
        """Give the end of what may be read."""
        return readable_end(self._ensure_consumer(), tp)

    def rejoin(self) -> None:
        """Join the group once more, from any thread."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001
        self.thread_loop.call_soon_threadsafe(coordinator.request_rejoin)

    def positions(self) -> dict[TP, int]:
        """Give the offset each partition is read on from."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment  # noqa: SLF001
        if assignment is None:
            return {}
        states = {TP(tp.topic, tp.partition): assignment.state_value(tp) for tp in assignment.tps}
        return {tp: state.position for tp, state in states.items() if state.has_valid_position}

    async def on_thread_stop(self) -> None:
        """Leave the group, static member or not: the others take over at once and not when the slot is silent for long.

        A static member keeps its partitions for who comes back under its name; that is meant for one that died, and
        aiokafka does the same for one that stops.
        """
        if self._consumer is not None:
            self._consumer._coordinator._group_instance_id = None  # noqa: SLF001
        await super().on_thread_stop()


class Producer(driver.Producer):
    """Faust wants a producer of its own; nothing of ours is sent through it."""

    def _new_producer(self, transactional_id: str | None = None) -> AIOKafkaProducer:  # noqa: ARG002  Faust's signature
        return AIOKafkaProducer(**self.app.client_options.client, acks="all", enable_idempotence=True)


class Transport(driver.Transport):
    """What `batch://` stands for."""

    Consumer = Consumer
    Producer = Producer
    driver_version = f"batch+{driver.Transport.driver_version}"


TRANSPORTS.aliases["batch"] = "streams.transport:Transport"


class App(faust.App):
    """A Faust application that tells when partitions come and go."""

    client_options: ClientOptions
    membership: Membership

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        limit_s = self.client_options.session_timeout_s / 2
        try:
            await asyncio.wait_for(super()._on_partitions_revoked(revoked), limit_s)
        except TimeoutError:
            os.write(2, b"revoke: the batch in work took longer than half the session timeout, leaving\n")
            os._exit(PAUSED)
        self.membership.revoked()

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.membership.assigned({tp.partition for tp in assigned})
        await super()._on_partitions_assigned(assigned, generation_id)


def make_app(name: str, options: ClientOptions, membership: Membership) -> App:
    """Build the Faust application of one worker."""
    app = App(
        name,
        broker="batch://clients-are-made-from-client-options",
        datadir=options.data_dir,
        stream_buffer_maxsize=QUEUED_FETCHES,
        stream_wait_empty=True,
        broker_commit_interval=1.0,
        broker_session_timeout=options.session_timeout_s,
        broker_heartbeat_interval=options.heartbeat_s,
        broker_request_timeout=max(40.0, options.session_timeout_s),
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        autodiscover=False,
    )
    app.client_options = options
    app.membership = membership
    return app


def open_stream(app: App, topic: str, serve: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Attach the function that works through a topic's batches."""
    source = app.topic(topic, key_type=bytes, value_type=bytes, schema=BatchSchema())
    app.agent(source, name=f"{topic}-batches")(serve)


LEAVES_WITHIN_S = 5.0
"""Beyond the session timeout: what is under way at a broker that is there takes less."""


class LimitedWorker(faust.Worker):
    """A worker that leaves in a limited time: with the broker away Faust waits for it, and nobody may be there to kill.

    Args:
        leaves_within_s: from the signal on, seconds.
    """

    def __init__(self, *apps: faust.App, leaves_within_s: float, **more: Any) -> None:
        super().__init__(*apps, **more)
        self._limit = threading.Timer(leaves_within_s, os._exit, [PAUSED])
        self._limit.daemon = True

    def _on_sigterm(self) -> None:
        if not self._limit.is_alive():
            self._limit.start()
        super()._on_sigterm()


def run_app(app: App, logs: dict[str, Any]) -> None:
    """Run until a signal says stop; then leave the group when the batch in work is through.

    Args:
        app: of `make_app`.
        logs: for `logging.config.dictConfig`.
    """
    limit_s = app.client_options.session_timeout_s + LEAVES_WITHIN_S
    worker = LimitedWorker(
        app, leaves_within_s=limit_s, loglevel="info", quiet=True, redirect_stdouts=False, logging_config=logs
    )
    worker.execute_from_commandline()


class Batch:
    """Everything that was queued at one moment, by partition; acknowledged as a whole."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._generation = app.consumer_generation_id
        self._events: list[Any] = []
        self.records: dict[int, list[LogRecord]] = {}
        self.size = 0

    def add(self, event: Any) -> None:
        """Take one fetch, unless its partitions were taken away meanwhile."""
        message = event.message
        if not self._app.flow_control.is_active() or message.generation_id != self._generation:
            return
        message.tracked = True
        self._app.consumer._unacked_messages.add(message)  # noqa: SLF001  a revoke waits for these
        for tp, found in event.value.items():
            self.records.setdefault(tp.partition, []).extend(map(log_record, found))
            self.size += len(found)
        self._events.append(event)

    def owned(self) -> bool:
        """Tell whether the partitions are still this worker's."""
        return bool(self._generation == self._app.consumer_generation_id)

    def leaving(self) -> bool:
        """Tell whether partitions are about to move: what is left of the batch is for their next owner."""
        return not self._app.flow_control.is_active()

    def ack(self) -> None:
        """Let the offsets be committed."""
        for event in self._events:
            event.ack()

    def release(self) -> None:
        """Let a rebalance go on without this batch: it is not acknowledged and will be delivered again."""
        consumer = self._app.consumer
        for event in self._events:
            consumer._unacked_messages.discard(event.message)  # noqa: SLF001  what a revoke waits for
        notify(consumer._waiting_for_ack)  # noqa: SLF001


async def drain(
    stream: Any, *, max_records: int, gate: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncIterator[Batch]:
    """Yield everything that is queued right now, without any timer: batches grow with the load by themselves.

    Args:
        stream: a Faust stream.
        max_records: a batch stops growing at this many; the last fetch may overshoot it.
        gate: awaited before a batch is taken (wait there for the partitions' state). Meanwhile nothing is "in work",
            so a rebalance does not wait for it; afterwards batches of an older generation are dropped.
    """
    app, channel = stream.app, stream.channel
    while not stream.should_stop:
        try:
            event = await channel.__anext__()
        except StopAsyncIteration:
            return
        await gate()
        batch = Batch(app)
        batch.add(event)
        while batch.size < max_records and not channel.queue.empty():
            batch.add(channel.queue.get_nowait())
        if batch.size:
            yield batch
        await asyncio.sleep(0)


class Position:
    """Where the worker's consumer stands, for telemetry and checks; may be asked from any thread.

    Knows nothing until `attach`: Faust makes its consumer when it is first asked for, in the asking thread's loop.
    """

    def __init__(self, app: App, topic: str) -> None:
        self._app = app
        self._topic = topic
        self._consumer: Consumer | None = None

    def attach(self) -> None:
        """Look at the running application from now on."""
        self._consumer = self._app.consumer

    def rejoin(self) -> None:
        """Join the group once more."""
        if self._consumer is not None:
            self._consumer._thread.rejoin()  # noqa: SLF001

    def committed(self) -> dict[int, int]:
        """Give the offsets committed since the partitions were assigned."""
        return dict(self._consumer.committed) if self._consumer else {}

    def log_ends(self, marks: Mapping[int, int]) -> dict[int, int]:
        """Give the ends of the logs, for partitions with the last offset applied; absent before the first fetch."""
        if self._consumer is None:
            return {}
        ends = {}
        for partition, mark in marks.items():
            with suppress(IllegalStateError, AssertionError):  # taken away this moment
                ends[partition] = self._consumer.log_end(TP(self._topic, partition), mark)
        return {p: end for p, end in ends.items() if end is not None}

    async def log_start(self, partition: int) -> int:
        """Ask the broker where a partition's log starts."""
        tp = TP(self._topic, partition)
        return int((await self._app.consumer.earliest_offsets(tp))[tp])
