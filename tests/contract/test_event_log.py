"""Events by the gateway's producer, on the embedded broker and on Apache Kafka itself."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.events import decode_event
from schemas.topics import EVENTS, Topics
from streams.brokers import Broker
from streams.gateway.cleaning import Sent, Taken, clean
from streams.gateway.sending import KafkaEventLog
from streams.kafka import confluent_config, partition_of
from streams.settings import Settings
from streams.web.service import running
from tests.collecting import event

KINDS = ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)]
PARTITIONS = 4
VISITORS = [f"visitor-{number}" for number in range(12)]


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest) -> Broker:
    """Give each kind of broker in turn."""
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found


@pytest.fixture
def settings(broker: Broker) -> Iterator[Settings]:
    """Give an installation of its own, whose topics are still to be made."""
    own = {"topic_prefix": f"t-{secrets.token_hex(4)}.", "partitions": PARTITIONS, "gateway_buffer_s": 20}
    yield broker.settings.model_copy(update=own)
    broker.delete_topics(own["topic_prefix"])  # type: ignore[arg-type]


def with_log(settings: Settings, act: Callable[[KafkaEventLog], Awaitable[None]]) -> None:
    """Run a log and act."""

    async def play() -> None:
        log = KafkaEventLog(settings)
        async with running([log]):
            await act(log)

    asyncio.run(play())


async def ready(log: KafkaEventLog) -> None:
    """Wait until the log takes events."""
    async with asyncio.timeout(30):
        while log.lacks():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)


def records(now_ms: int) -> list[Taken]:
    """Give three events of each visitor, in turn."""
    sent = Sent("server", now_ms)
    raw = [event(visitor_id=who, event_id=f"{who}/{number}") for number in range(3) for who in VISITORS]
    return [one for one in (clean(each, sent, known=True) for each in raw) if isinstance(one, Taken)]


def read(settings: Settings, topics: Topics, count: int) -> Iterator[tuple[int, str, str, list[tuple[str, bytes]]]]:
    """Read so many events: partition, visitor, event id, headers."""
    consumer = Consumer({**confluent_config(settings), "group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topics[EVENTS], partition, 0) for partition in range(PARTITIONS)])
    for _ in range(count):
        message = consumer.poll(20)
        assert message is not None
        assert message.error() is None
        found = decode_event(message.value(), arrival_ms=message.timestamp()[1])
        assert message.key() == found.visitor_id.encode()
        yield message.partition(), found.visitor_id, found.event_id, message.headers()
    consumer.close()


def test_events_are_where_workers_look_for_them(broker: Broker, settings: Settings) -> None:
    """Acknowledged, each in its visitor's partition, in the order sent, with a header that says who sent it."""
    broker.create_topics(settings.topics)
    sent = records(time.time_ns() // 1_000_000)

    async def act(log: KafkaEventLog) -> None:
        await ready(log)
        assert await log.send(sent, "server") == frozenset()

    with_log(settings, act)
    found = list(read(settings, settings.topics, len(sent)))
    for partition, visitor, _, headers in found:
        assert partition == partition_of(visitor.encode(), PARTITIONS)
        assert headers == [("sender", b"server")]
    for visitor in VISITORS:
        assert [event_id for _, who, event_id, _ in found if who == visitor] == [f"{visitor}/{n}" for n in range(3)]


def test_a_topic_that_comes_later_is_found(broker: Broker, settings: Settings) -> None:
    """Until then it is said to be missing, and looking for it does not make it."""

    async def act(log: KafkaEventLog) -> None:
        name = settings.topics[EVENTS]
        async with asyncio.timeout(30):
            while log.lacks() != [f"there is no topic {name}"]:  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0.01)
        await asyncio.to_thread(broker.create_topics, settings.topics)
        await ready(log)
        assert await log.send(records(1_777_636_800_000)[:1], "browser") == frozenset()

    with_log(settings, act)
