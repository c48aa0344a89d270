"""What every broker must do for us, shown on the embedded one and on Apache Kafka itself."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.errors import RefusedError
from schemas.topics import EVENTS, LEARNING, PRODUCTS, RULES, Topics
from streams.admin import Admin
from streams.brokers import Broker
from streams.brokers.aiokafka import adapt_aiokafka
from streams.kafka import aiokafka_config, confluent_config, partition_of
from streams.sources.writer import Writer

KINDS = ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)]
KEYS = [f"visitor-{number}".encode() for number in range(20)]


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Give each kind of broker in turn."""
    if request.param == "kafka":
        yield request.getfixturevalue("kafka_broker")
        return
    undo = adapt_aiokafka()
    yield request.getfixturevalue("embedded_broker")
    undo()


@pytest.fixture
def topics(broker: Broker) -> Iterator[Topics]:
    """Create the topics of an installation of its own."""
    topics = Topics(prefix=f"t-{secrets.token_hex(4)}.", partitions=4)
    broker.create_topics(topics)
    yield topics
    broker.delete_topics(topics.prefix)


def admin_of(broker: Broker) -> Admin:
    """Look at what the broker keeps."""
    return Admin(broker.settings, embedded=broker.kind == "embedded")


async def send(broker: Broker, topic: str, keys: list[bytes]) -> list[tuple[int, int]]:
    """Write a record per key; gives partition and offset of each."""
    producer = AIOKafkaProducer(**aiokafka_config(broker.settings), enable_idempotence=True, acks="all")
    await producer.start()
    try:
        sent = [await producer.send_and_wait(topic, b"value of " + key, key=key) for key in keys]
    finally:
        await producer.stop()
    return [(one.partition, one.offset) for one in sent]


async def read(broker: Broker, topic: str, partitions: int, count: int) -> list[tuple[int, int, bytes, bytes]]:
    """Read that many records: partition, offset, key, value."""
    consumer = AIOKafkaConsumer(**aiokafka_config(broker.settings), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
        found = []
        async with asyncio.timeout(20):
            while len(found) < count:
                one = await consumer.getone()
                found.append((one.partition, one.offset, one.key, one.value))
    finally:
        await consumer.stop()
    return found


def test_topics_are_created_once_with_their_partitions(broker: Broker, topics: Topics) -> None:
    """Every topic has the partitions of its specification, and creating them again changes nothing."""
    with admin_of(broker) as admin:
        found = admin.topics()

    assert (found[topics[EVENTS]], found[topics[PRODUCTS]], found[topics[LEARNING]]) == (4, 4, 1)
    assert broker.create_topics(topics) == []


def test_a_wrong_partition_count_is_refused_with_what_mends_it(broker: Broker, topics: Topics) -> None:
    """Keys would move between partitions, so the count is never changed silently."""
    with pytest.raises(RefusedError, match=r"has 4 partitions and needs 5: set AISLE_PARTITIONS=4, or run `aisle"):
        broker.create_topics(Topics(prefix=topics.prefix, partitions=5))


@pytest.mark.kafka
def test_a_topic_that_is_kept_otherwise_is_refused_and_mended_when_told(kafka_broker: Broker) -> None:
    """As one that the broker made by itself: with its defaults, which cut it by age and take the producer's time."""
    topics = Topics(prefix=f"t-{secrets.token_hex(4)}.", partitions=1)
    with admin_of(kafka_broker) as admin:
        made = {topics[name]: {"num_partitions": 1} for name in (EVENTS, LEARNING, RULES)}
        admin._client.create_topics(made, wait_for_metadata=True)  # else one may be seen and the next not yet
        with pytest.raises(RefusedError, match=rf"{topics[RULES]} has cleanup\.policy=delete and needs compact"):
            admin.create(topics)
        assert topics[PRODUCTS] not in admin.topics()

        with pytest.raises(RefusedError, match=rf"did not change {topics[PRODUCTS]} "):
            admin.set_configs(topics, [PRODUCTS])
        admin.set_configs(topics, [EVENTS, LEARNING, RULES])

        assert topics[PRODUCTS] in admin.create(topics)
        assert admin.configs([topics[EVENTS]])[topics[EVENTS]]["message.timestamp.type"] == "LogAppendTime"
        admin.delete_prefix(topics.prefix)


def test_deleting_spares_other_installations(broker: Broker, topics: Topics) -> None:
    """A prefix separates: what does not begin with it stays."""
    other = Topics(prefix=f"u{topics.prefix}", partitions=1)
    broker.create_topics(other)

    broker.delete_topics(other.prefix)

    with admin_of(broker) as admin:
        deadline = time.monotonic() + 5
        while (found := admin.topics()).keys() & {other[EVENTS]} and time.monotonic() < deadline:
            time.sleep(0.05)
    assert topics[EVENTS] in found
    assert other[EVENTS] not in found


def test_records_come_back_from_the_partition_of_their_key(broker: Broker, topics: Topics) -> None:
    """An idempotent producer writes each record once, offsets of a partition count from 0 without a gap."""

    async def round_trip() -> list[tuple[int, int, bytes, bytes]]:
        await send(broker, topics[EVENTS], KEYS)
        return await read(broker, topics[EVENTS], 4, len(KEYS))

    found = asyncio.run(round_trip())

    assert {key: part for part, _, key, _ in found} == {key: partition_of(key, 4) for key in KEYS}
    for partition in range(4):
        offsets = [offset for part, offset, _, _ in found if part == partition]
        assert offsets == list(range(len(offsets)))


def test_librdkafka_puts_keys_where_aiokafka_does(broker: Broker, topics: Topics) -> None:
    """One visitor, one partition, whichever of our clients wrote the event."""
    found: dict[bytes, int] = {}
    writer = Writer(confluent_config(broker.settings), topics)
    for key in KEYS:
        writer.write(EVENTS, key, b"{}", acked=lambda part, _offset, _at, key=key: found.update({key: part}))
    writer.flush(20)
    writer.close()

    assert found == {key: partition_of(key, 4) for key in KEYS}


def test_ends_and_lag_count_what_is_written_and_not_committed(broker: Broker, topics: Topics) -> None:
    """Lag is the end of each partition less what the group has committed."""
    name, group = topics[LEARNING], f"{topics.prefix}group"

    async def write_and_commit() -> None:
        await send(broker, name, KEYS)
        consumer = AIOKafkaConsumer(**aiokafka_config(broker.settings), group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(name, 0)])
            await consumer.commit({TopicPartition(name, 0): 15})
        finally:
            await consumer.stop()

    with admin_of(broker) as admin:
        assert admin.lag(group, name) == {0: 0}
        asyncio.run(write_and_commit())
        assert admin.ends(name) == {0: 20}
        assert admin.committed(group, name) == {0: 15}
        assert admin.lag(group, name) == {0: 5}


def test_two_members_share_a_groups_partitions(broker: Broker, topics: Topics) -> None:
    """Each partition goes to one member, and both members have some."""

    async def join() -> list[set[int]]:
        options = {"group_id": f"{topics.prefix}pair", "session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
        members = [AIOKafkaConsumer(topics[EVENTS], **aiokafka_config(broker.settings), **options) for _ in range(2)]
        try:
            await asyncio.gather(*(member.start() for member in members))
            async with asyncio.timeout(30):
                while not all(len(member.assignment()) == 2 for member in members):  # noqa: ASYNC110  no event tells it
                    await asyncio.sleep(0.05)
            return [{tp.partition for tp in member.assignment()} for member in members]
        finally:
            for member in members:
                await member.stop()

    first, second = asyncio.run(join())

    assert first | second == {0, 1, 2, 3}
    assert not first & second


@pytest.mark.parametrize("kind", ["embedded", pytest.param("maven", marks=pytest.mark.kafka)])
def test_a_broker_ends_with_the_process_that_started_it(kind: str, request: pytest.FixtureRequest) -> None:
    """Nothing is left behind, not even after kill -9."""
    if kind == "maven" and request.getfixturevalue("kafka_broker").kind != "maven":
        pytest.skip("the broker here is not started by Maven")
    program = f"""
from streams.brokers.ladder import climb
from streams.settings import Settings
broker = climb({kind!r}, Settings(_env_file=None))
print(broker.pid, flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
