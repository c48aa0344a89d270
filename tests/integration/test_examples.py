"""The producers and consumers of deploy/examples, run as a shop would run them."""

import json
import os
import re
import signal
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.events import Event, decode_event
from schemas.topics import EVENTS, SLATES
from streams.brokers import Broker
from streams.kafka import confluent_config, partition_of
from tests.shop_slates import TOPICS, VISITORS, WRITTEN, expected
from tests.storefronts import CLIENTS, EXAMPLES, Command, java_jars

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]
each_client = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture(scope="module")
def broker(kafka_broker: Broker) -> Iterator[Broker]:
    """Give a broker with the slates that a shop finds when it starts."""
    kafka_broker.create_topics(TOPICS)
    producer = Producer(confluent_config(kafka_broker.settings))
    for visitor, value in WRITTEN:
        producer.produce(TOPICS[SLATES], value, visitor.encode(), partition_of(visitor.encode(), TOPICS.partitions))
    assert producer.flush(30) == 0
    yield kafka_broker
    kafka_broker.delete_topics(TOPICS.prefix)


Start = Callable[..., Any]


@pytest.fixture
def start(broker: Broker) -> Iterator[Start]:
    """Start examples as their README says, in a locale that has all letters; none outlives its test."""
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        "AISLE_TOPIC_PREFIX": TOPICS.prefix,
        "LC_ALL": "C.UTF-8",
    }
    with ExitStack() as stack:

        def begin(command: Command, *arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*command, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=os.environ | environment,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


def finish(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Wait until an example has ended well, and read what it printed."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def read_events(broker: Broker, *, product: str) -> dict[str, list[tuple[int, int, Event]]]:
    """Read the events about a product: partition, offset and event by the record's key."""
    consumer = Consumer({**confluent_config(broker.settings), "group.id": "test", "fetch.wait.max.ms": 20})
    places = [TopicPartition(TOPICS[EVENTS], number, 0) for number in range(TOPICS.partitions)]
    left = sum(consumer.get_watermark_offsets(place, 10)[1] for place in places)
    consumer.assign(places)
    found = defaultdict(list)
    while left:
        for message in consumer.consume(1000, 1.0):
            left -= 1
            event = decode_event(message.value(), arrival_ms=message.timestamp()[1])
            if event.items[0].product_id == product:
                found[message.key().decode()].append((message.partition(), message.offset(), event))
    consumer.close()
    return found


@each_client
def test_each_event_lies_in_the_partition_its_visitors_worker_reads(
    client: str, broker: Broker, start: Start, tmp_path: Path
) -> None:
    """Whatever letters the visitor's id has; what is printed is where the record lies, and it is a whole Event."""
    product = f"tent-{client}"
    printed = finish(start(CLIENTS[client](tmp_path, "producer"), product, *VISITORS))
    found = read_events(broker, product=product)

    assert set(found) == set(VISITORS)
    for visitor, said in zip(VISITORS, printed, strict=True):
        ((partition, offset, event),) = found[visitor]
        assert partition == partition_of(visitor.encode(), TOPICS.partitions)
        assert said == {"partition": partition, "offset": offset}
        assert (event.visitor_id, event.name, event.consent) == (visitor, "view_item", "personalisation")


def by_visitor(printed: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Sort what was printed by visitor: only within a partition there is an order."""
    lists = defaultdict(list)
    for line in printed:
        lists[line["visitor_id"]].append(line)
    return lists


@each_client
def test_a_shop_shows_the_newest_slate_of_each_shelf(client: str, start: Start, tmp_path: Path) -> None:
    """Nothing older, even revised, nothing expired or unreadable, nothing twice; it ends after COUNT, and on Ctrl-C."""
    count = sum(map(len, expected().values()))
    command = CLIENTS[client](tmp_path, "consumer")
    counting, endless = start(command, str(count)), start(command)

    assert by_visitor(finish(counting)) == expected()
    assert by_visitor([json.loads(endless.stdout.readline()) for _ in range(count)]) == expected()
    endless.send_signal(signal.SIGINT)
    out, err = endless.communicate(timeout=30)
    assert endless.returncode in {0, 128 + signal.SIGINT}
    assert (out, "Exception" in err, "Traceback" in err) == ("", False, False)


def test_the_jars_of_the_examples_are_those_they_were_run_with() -> None:
    """The broker's jars stand in for those that the example's own pom.xml fetches."""
    pom = (EXAMPLES / "java" / "pom.xml").read_text()
    wanted = re.findall(r"<artifactId>(kafka-clients|jackson-databind)</artifactId>\s*<version>(.+)</version>", pom)

    assert len(wanted) == 2
    assert all((java_jars() / f"{name}-{version}.jar").is_file() for name, version in wanted)
