"""A past of many visitors, written to the changelog as workers would have left it: what a start has to bring back."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, NamedTuple

from shop import Visitors, products

from models.session import SessionRules, Visitor, apply, encode
from schemas.learning import Origin
from schemas.topics import CHANGELOG, EVENTS, Topics
from streams.kafka import partition_of
from streams.partitions import WATERMARK_KEY, Watermark

SIZE = range(180, 440)
"""Bytes of the states that are taken: visitors of one or two views. Their mean is about 300."""

BEFORE = 1_000
"""Events of each partition that the states come from; they hold nothing and are not read again."""

GROUP = "aisle.clicks"


class Written(NamedTuple):
    """What was written: visitors, and bytes of their keys and values."""

    visitors: int
    size: int


def states(count: int) -> list[bytes]:
    """Encode visitors of the shop whose states have the wanted size, without their first field's value."""
    shop = Visitors(products(3_000), datetime.now(UTC) - timedelta(hours=6))
    rules, found = SessionRules(), dict[str, Visitor]()
    for number, event in enumerate(shop.events(count)):
        origin = Origin(topic=EVENTS, partition=0, offset=number)
        bare = event.model_copy(update={"context": None})
        after = apply(found.get(event.visitor_id), bare, origin=origin, item_of=str, rules=rules).visitor
        assert after is not None
        found[event.visitor_id] = after
    encoded = [encode(visitor) for visitor in found.values()]
    return [data[data.index(b",") :] for data in encoded if len(data) in SIZE]


def visitor_id(number: int) -> str:
    """Name the n-th visitor of the past."""
    return f"visitor-{number:08d}"


def write_past(bootstrap: str, topics: Topics, visitors: int) -> Written:
    """Write events, visitors, watermarks and committed offsets.

    Args:
        bootstrap: the broker.
        topics: of the installation; empty so far.
        visitors: how many, each once, as after compaction.
    """
    producer = _producer(bootstrap)
    for partition in range(topics.partitions):
        for _ in range(BEFORE):
            _put(producer, topics[EVENTS], partition, None, b"{}")
    size = 0
    for partition, key, value in _changelog(visitors, topics.partitions, states(20_000)):
        _put(producer, topics[CHANGELOG], partition, key, value)
        size += len(key) + len(value)
    for partition in range(topics.partitions):
        _put(producer, topics[CHANGELOG], partition, WATERMARK_KEY, Watermark(BEFORE - 1, 0).encode())
    if producer.flush(120):
        raise SystemExit("the broker did not take the past within two minutes")
    _commit(bootstrap, topics)
    return Written(visitors, size)


def _changelog(visitors: int, partitions: int, tails: Sequence[bytes]) -> Iterator[tuple[int, bytes, bytes]]:
    for number, tail in zip(range(visitors), cycle(tails), strict=False):
        key = visitor_id(number).encode()
        yield partition_of(key, partitions), key, b'{"applied":%d%s' % (number % BEFORE, tail)


def _producer(bootstrap: str) -> Any:
    from confluent_kafka import Producer

    settings = {"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 20, "batch.size": 1_000_000}
    return Producer(settings | {"queue.buffering.max.messages": 500_000})


def _put(producer: Any, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
        except BufferError:
            producer.poll(0.05)
        else:
            return


def _commit(bootstrap: str, topics: Topics) -> None:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{topics.prefix}{GROUP}"})
    offsets = [TopicPartition(topics[EVENTS], p, BEFORE) for p in range(topics.partitions)]
    consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()
