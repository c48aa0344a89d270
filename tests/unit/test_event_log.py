"""How events get to Kafka, and what is said of those that do not: with a producer that a test steers."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.gateway import sending
from streams.gateway.cleaning import Sent, Taken, clean
from streams.gateway.sending import BusyError, KafkaEventLog
from streams.settings import Settings
from streams.web.service import running
from tests.collecting import NOW_MS, event

FATAL = KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "idempotence is lost", fatal=True)
LATE = KafkaError(KafkaError._MSG_TIMED_OUT, "timed out")
Report = Callable[[Any, Any], None]


class Metadata:
    partitions = {0: "leader"}


class SteeredProducer:
    """Reports what a test says: all at once by default; holds back while `holds`."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.topics: dict[str, Metadata] = {"clickstream.events": Metadata()}
        self.away = self.holds = self.dead = False
        self.room = 1_000_000
        self.error: KafkaError | None = None
        self.written: list[bytes] = []
        self._due: list[tuple[bytes, Report]] = []

    def list_topics(self, *, timeout: float) -> "SteeredProducer":
        if self.away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT, "no broker"))
        return self

    def produce(self, topic: str, value: bytes, key: bytes, *, headers: list[Any], on_delivery: Report) -> None:
        if self.dead:
            raise KafkaException(FATAL)
        if len(self._due) >= self.room:
            raise BufferError
        self._due.append((key, on_delivery))

    def poll(self, timeout: float) -> int:
        if self.holds:
            return 0
        due, self._due = self._due, []
        for key, report in due:
            report(self.error, None)
            self.written += [key] if self.error is None else []
        return len(due)

    def purge(self) -> None:
        self.error, self.holds = KafkaError(KafkaError._PURGE_QUEUE, "purged"), False

    def flush(self, timeout: float) -> int:
        self.poll(0)
        return len(self._due)

    def __len__(self) -> int:
        return len(self._due)


class Producers:
    """Makes producers, and remembers them."""

    def __init__(self, **state: Any) -> None:
        self.made: list[SteeredProducer] = []
        self._state = state

    def __call__(self, config: dict[str, Any]) -> SteeredProducer:
        self.made.append(SteeredProducer(config))
        if len(self.made) == 1:
            vars(self.made[0]).update(self._state)
        return self.made[-1]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for the topic again at once."""
    monkeypatch.setattr(sending, "LOOK_S", 0.001)


def records(*visitors: str) -> list[Taken]:
    """Give an event of each visitor."""
    found = [clean(event(visitor_id=visitor), Sent("server", NOW_MS), known=True) for visitor in visitors]
    return [one for one in found if isinstance(one, Taken)]


@contextmanager
def log_of(producers: Producers, **settings: Any) -> Iterator[KafkaEventLog]:
    """Give a log whose broker is steered."""
    given = Settings(_env_file=None, kafka_bootstrap_servers="127.0.0.1:1", **settings)
    yield KafkaEventLog(given, make=producers)


def played(producers: Producers, act: Callable[[KafkaEventLog], Any], **settings: Any) -> Any:
    """Run a log, wait until it is ready, and act."""

    async def play(log: KafkaEventLog) -> Any:
        async with running([log]):
            await until(lambda: not log.lacks())
            return await act(log)

    with log_of(producers, **settings) as log:
        return asyncio.run(play(log))


async def until(true: Callable[[], bool]) -> None:
    """Wait for something."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.001)


def test_what_is_acknowledged_is_not_missing() -> None:
    """Nothing is; a whole request has one answer."""
    producers = Producers()

    assert played(producers, lambda log: log.send(records("a", "b", "a"), "server")) == frozenset()
    assert producers.made[0].written == [b"a", b"b", b"a"]


def test_what_times_out_is_missing() -> None:
    """As librdkafka reports it, by place."""
    assert played(Producers(error=LATE), lambda log: log.send(records("a", "b"), "server")) == {0, 1}


def test_a_request_waits_no_longer_than_it_may() -> None:
    """Even where librdkafka says nothing at all; then the process is told to be stuck, and nothing else."""
    producers = Producers(holds=True)

    async def act(log: KafkaEventLog) -> None:
        log._wait_s = 0.02
        assert await log.send(records("a"), "server") == {0}
        assert log.stuck() == []
        log._clock = lambda: 1e9
        assert log.stuck() == ["nothing is heard of events that were sent"]
        producers.made[0].holds = False

    played(producers, act)


def test_no_more_waits_than_may() -> None:
    """The next request is turned away at once; the first one's events are only sent once."""
    producers = Producers(holds=True)

    async def act(log: KafkaEventLog) -> None:
        first = asyncio.create_task(log.send(records(*"v" * 80), "server"))
        await until(lambda: len(producers.made[0]) == 80)
        with pytest.raises(BusyError, match="80 events wait"):
            await log.send(records(*"v" * 21), "server")
        producers.made[0].holds = False
        assert await first == frozenset()

    played(producers, act, gateway_buffer_records=100)
    assert len(producers.made[0].written) == 80


def test_a_request_larger_than_the_buffer_goes_alone() -> None:
    """Or it would never go."""
    assert played(Producers(), lambda log: log.send(records(*"v" * 300), "server"), gateway_buffer_records=100) == set()


def test_after_one_that_finds_no_room_none_is_sent() -> None:
    """So that a visitor's events stay in order when the rest comes again."""
    producers = Producers(room=2)

    assert played(producers, lambda log: log.send(records("a", "b", "a", "b"), "server")) == {2, 3}
    assert producers.made[0].written == [b"a", b"b"]


@pytest.mark.parametrize("state", [{"dead": True}, {"error": FATAL}], ids=["on sending", "on delivery"])
def test_a_producer_that_failed_for_good_is_replaced(state: dict[str, Any]) -> None:
    """What it still had is missing, never taken for written; the next request goes through."""
    producers = Producers(**state)

    async def act(log: KafkaEventLog) -> tuple[frozenset[int], frozenset[int]]:
        first = await log.send(records("a"), "server")
        await until(lambda: len(producers.made) == 2)
        return first, await log.send(records("b"), "server")

    first, second = played(producers, act)
    assert (first, second) == (frozenset() if "dead" in state else {0}, frozenset())
    assert producers.made[1].written == ([b"a", b"b"] if "dead" in state else [b"b"])


def test_events_that_waited_in_a_failed_producer_are_missing() -> None:
    """Whether they were written nobody knows, so they are to be sent again."""
    producers = Producers(holds=True)

    async def act(log: KafkaEventLog) -> None:
        waiting = asyncio.create_task(log.send(records("a"), "server"))
        await until(lambda: len(producers.made[0]) == 1)
        producers.made[0].dead = True
        assert await log.send(records("b"), "server") == frozenset()
        assert await waiting == {0}

    played(producers, act)


def test_a_missing_broker_or_topic_is_said_and_waited_for() -> None:
    """Nothing is taken until then."""
    producers = Producers(away=True, topics={})

    async def act(log: KafkaEventLog) -> None:
        assert log.lacks() == ["the producer has not started"]
        async with running([log]):
            await until(lambda: log.lacks() == ["the broker does not answer (no broker)"])
            with pytest.raises(BusyError, match="does not answer"):
                await log.send(records("a"), "server")
            producers.made[0].away = False
            await until(lambda: log.lacks() == ["there is no topic clickstream.events"])
            producers.made[0].topics["clickstream.events"] = Metadata()
            await until(lambda: not log.lacks())
            assert await log.send(records("a"), "server") == frozenset()

    with log_of(producers) as log:
        asyncio.run(act(log))


def test_what_was_taken_is_sent_before_the_end() -> None:
    """A request that waits when the process is told to stop still gets its answer."""
    producers = Producers(holds=True)

    async def act(log: KafkaEventLog) -> frozenset[int]:
        async with running([log]):
            await until(lambda: not log.lacks())
            waiting = asyncio.create_task(log.send(records("a"), "server"))
            await until(lambda: len(producers.made[0]) == 1)
            producers.made[0].holds = False
        return await waiting

    with log_of(producers) as log:
        assert asyncio.run(act(log)) == frozenset()


def test_settings_reach_the_producer() -> None:
    """It is idempotent, in order, and places keys as Kafka's own clients do."""
    producers = Producers()
    played(producers, lambda log: log.send(records("a"), "server"), gateway_buffer_s=7)

    wanted = {"enable.idempotence": True, "acks": "all", "partitioner": "murmur2_random", "message.timeout.ms": 7000}
    assert wanted.items() <= producers.made[0].config.items()
