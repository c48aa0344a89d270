"""Events that a transactional producer writes: what it commits is served, what it takes back was never there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.topics import EVENTS, EVENTS_DEAD
from streams.brokers import Broker
from streams.flow import LogRecord
from streams.replay.logs import KafkaLogs
from tests.installation import PARTITIONS, Installation

LAG_0 = [f'aisle_source_lag{{partition="{p}"}} 0.0' for p in range(PARTITIONS)]


@pytest.fixture
def shop(kafka_broker: Broker, tmp_path: Path) -> Iterator[Installation]:
    """Give an installation on a broker that has transactions."""
    installation = Installation(kafka_broker, tmp_path)
    yield installation
    installation.close()
    kafka_broker.delete_topics(installation.prefix)


def send(producer: Producer, topic: str, count: int) -> None:
    """Send as many records to each partition, in a transaction that stays open."""
    producer.begin_transaction()
    for number in range(count * PARTITIONS):
        producer.produce(topic, b"{}", b"v", partition=number % PARTITIONS)
    producer.flush()


def replayed(shop: Installation) -> int:
    """Count the events that a replay reads."""
    found: list[LogRecord] = []

    async def read() -> None:
        async with KafkaLogs({"bootstrap_servers": shop.bootstrap}) as logs:
            topic = shop.prefix + EVENTS
            await logs.read(topic, await logs.bounds(topic, PARTITIONS), lambda _, records: found.extend(records))

    asyncio.run(asyncio.wait_for(read(), 20))
    return len(found)


def at_end(shop: Installation) -> bool:
    """Tell whether the worker says that nothing waits, on both of its pages."""
    partitions = shop.progress().get("partitions", {}).values()
    applied = len(partitions) == PARTITIONS and all(one["mark"] + 1 == one["end"] for one in partitions)
    return applied and set(LAG_0) <= set(shop.ask("/metrics")[1].splitlines())


@pytest.mark.kafka
def test_a_transactional_producer(shop: Installation) -> None:
    """Behind the mark of a commit nothing waits; records taken back or still open are neither served nor replayed."""
    producer = Producer({"bootstrap.servers": shop.bootstrap, "transactional.id": shop.prefix})
    producer.init_transactions(60)
    topic = shop.prefix + EVENTS
    send(producer, topic, 3)
    producer.commit_transaction()
    shop.start()
    shop.wait(lambda: shop.committed() == 3 * PARTITIONS and at_end(shop))
    send(producer, topic, 2)
    producer.abort_transaction()
    send(producer, topic, 1)
    producer.commit_transaction()
    shop.wait(lambda: len(shop.read(EVENTS_DEAD)) == 4 * PARTITIONS and at_end(shop))
    send(producer, topic, 5)
    assert at_end(shop)
    assert replayed(shop) == 4 * PARTITIONS
    producer.abort_transaction()
    shop.wait(lambda: at_end(shop))
    assert len(shop.read(EVENTS_DEAD)) == replayed(shop) == 4 * PARTITIONS
