"""The producers and consumers of deploy/examples, run as a shop would run them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.errors import RefusedError
from schemas.events import Event, decode_event
from schemas.slates import Cause, Lineage, Slate, SlateItem
from schemas.topics import EVENTS, SLATES, Topics
from streams.brokers import Broker
from streams.brokers.jars import find_java, kafka_jars
from streams.brokers.maven import SHORT, cache_dir
from streams.kafka import confluent_config, partition_of
from tests.conftest import ROOT, absent

EXAMPLES = ROOT / "deploy" / "examples"
TOPICS = Topics(prefix="examples.", partitions=7)
"""Not a power of two: then a hash whose sign bit is lost differently gives another partition."""

VISITORS = [f"v-{number}" for number in range(40)] + ["é", "Zoë-7", "日本語", "посетитель", "🛒", "a b/c?d"]
NOW = datetime.now(UTC)

Command = tuple[str, ...]
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


def python_command(folder: Path, name: str) -> Command:
    """Run with the interpreter of the tests, which has kafka-python."""
    return (sys.executable, str(EXAMPLES / "python" / f"{name}.py"))


def node_command(folder: Path, name: str) -> Command:
    """Run a copy beside what its package.json asks for, installed once."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        absent("no Node.js: install node and npm")
    wanted = EXAMPLES / "node" / "package.json"
    installed = cache_dir() / f"node-{sha256(wanted.read_bytes()).hexdigest()[:12]}"
    if not installed.is_dir():
        installed.parent.mkdir(parents=True, exist_ok=True)
        part = folder / "installed"
        part.mkdir()
        shutil.copy(wanted, part)
        command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=part, capture_output=True, text=True, check=False, timeout=100)
        if done.returncode:
            absent(f"npm could not install: {done.stderr.strip()[-300:]}")
        shutil.copytree(part, installed, dirs_exist_ok=True)
    return (str(node), str(shutil.copy(EXAMPLES / "node" / f"{name}.js", installed)))


def java_command(folder: Path, name: str) -> Command:
    """Run the source against the jars that are there for the broker: the same clients."""
    if shutil.which("javac") is None:
        absent("no JDK: install one, 17 or later, such as Debian's openjdk-17-jdk-headless")
    try:
        java, jars = find_java(), kafka_jars(cache_dir(), lambda _: None)
    except RefusedError as error:
        absent(str(error))
    return (java, *SHORT, "-cp", f"{jars}/*", str(EXAMPLES / "java" / f"{name.capitalize()}.java"))


CLIENTS: dict[str, Callable[[Path, str], Command]] = {
    "python": python_command,
    "node": node_command,
    "java": java_command,
}
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


Start = Callable[..., subprocess.Popen[str]]


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


class Told(NamedTuple):
    """A slate in short."""

    offset: int
    revision: int = 0
    epoch: int = 0
    placement: str = "home"
    anchor: str | None = None
    expired: bool = False

    @property
    def slate_id(self) -> str:
        """Name it by what it is, as the worker does."""
        return f"s-0-{self.epoch}.{self.offset}-{self.placement}-{self.anchor}"


def slate(visitor: str, told: Told) -> bytes:
    """Write a slate as a worker would, and with a field of a later version."""
    at = NOW - timedelta(hours=2) if told.expired else NOW
    whole = Slate(
        slate_id=told.slate_id,
        revision=told.revision,
        visitor_id=visitor,
        placement=told.placement,
        anchor=told.anchor,
        items=(SlateItem(product_id="tent", rank=1, score=0.9), SlateItem(product_id="日傘", rank=2, score=0.5)),
        cause=Cause(topic=EVENTS, partition=0, offset=told.offset, epoch=told.epoch, event_id="e1"),
        lineage=Lineage(settings="s", build="b"),
        event_at=at,
        decided_at=at,
        expires_at=at + timedelta(hours=1),
    )
    return json.dumps(json.loads(whole.encode()) | {"later": {"version": True}}).encode()


NEW = [
    Told(10),
    Told(12),
    Told(12, revision=1),
    Told(9, placement="product", anchor="tent"),
    Told(8, placement="product", anchor="stove"),
    Told(2, epoch=1),
]
"""What a shop shows, in this order."""

STALE = {
    1: [Told(10), Told(9, revision=1)],
    2: [Told(10, revision=1), Told(11), Told(12)],
    3: [Told(12), Told(12, revision=1), Told(11, revision=7), Told(14, expired=True)],
    6: [Told(99), Told(99, revision=1), Told(1, epoch=1, revision=1), Told(3, epoch=1, expired=True)],
}
"""What stands after so many of these and is not shown: again, older, older and revised, expired."""

SHOPPERS = ["v-1", "Zoë-日本"]


def written_for(visitor: str) -> Iterator[tuple[str, bytes]]:
    """Give the slates of one visitor as they lie in the log."""
    for place, told in enumerate(NEW, 1):
        yield visitor, slate(visitor, told)
        for stale in STALE.get(place, ()):
            yield visitor, slate(visitor, stale)
    yield visitor, slate(visitor, Told(50, epoch=1)).replace(b'"1.0"', b'"2.0"')
    without_epoch = json.loads(slate(visitor, Told(7, placement="cart")))
    del without_epoch["cause"]["epoch"], without_epoch["revision"]
    yield visitor, json.dumps(without_epoch).encode()


LAST = Told(1, placement="last")
ENDS = {partition_of(visitor.encode(), TOPICS.partitions): visitor for visitor in VISITORS}
WRITTEN = [record for visitor in SHOPPERS for record in written_for(visitor)]
WRITTEN += [(visitor, slate(visitor, LAST)) for visitor in ENDS.values()]
"""Every partition ends with a slate that is shown: whoever has printed all of these has read everything."""


def shown(visitor: str, told: Told) -> dict[str, Any]:
    """Say what an example prints of a slate."""
    return {
        "visitor_id": visitor,
        "placement": told.placement,
        "anchor": told.anchor,
        "slate_id": told.slate_id,
        "revision": told.revision,
        "products": ["tent", "日傘"],
    }


def expected() -> dict[str, list[dict[str, Any]]]:
    """Give what a shop shows to each visitor, in order."""
    lists = {visitor: [shown(visitor, told) for told in (*NEW, Told(7, placement="cart"))] for visitor in SHOPPERS}
    for visitor in ENDS.values():
        lists.setdefault(visitor, []).append(shown(visitor, LAST))
    return lists


def by_visitor(printed: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Sort what was printed by visitor: only within a partition there is an order."""
    lists = defaultdict(list)
    for line in printed:
        lists[line["visitor_id"]].append(line)
    return lists


@each_client
def test_a_shop_shows_the_newest_slate_of_each_shelf(client: str, start: Start, tmp_path: Path) -> None:
    """Nothing older, even revised, nothing expired, nothing twice, nothing of a version it cannot read."""
    count = sum(map(len, expected().values()))
    process = start(CLIENTS[client](tmp_path, "consumer"), str(count))

    assert by_visitor(finish(process)) == expected()


@each_client
def test_an_interrupted_consumer_ends(client: str, start: Start, tmp_path: Path) -> None:
    """On Ctrl-C, without a stack trace, when it has nothing left to read."""
    process = start(CLIENTS[client](tmp_path, "consumer"))
    assert process.stdout is not None
    printed = [json.loads(process.stdout.readline()) for _ in range(sum(map(len, expected().values())))]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode in {0, 128 + signal.SIGINT}
    assert (out, "Exception" in err, "Traceback" in err) == ("", False, False)
    assert by_visitor(printed) == expected()


def test_the_jars_of_the_examples_are_those_they_were_run_with() -> None:
    """The broker's jars stand in for those that the example's own pom.xml fetches."""
    if shutil.which("java") is None:
        absent("no Java")
    try:
        jars = kafka_jars(cache_dir(), lambda _: None)
    except RefusedError as error:
        absent(str(error))
    pom = (EXAMPLES / "java" / "pom.xml").read_text()
    wanted = re.findall(r"<artifactId>(kafka-clients|jackson-databind)</artifactId>\s*<version>(.+)</version>", pom)
    assert len(wanted) == 2
    for name, version in wanted:
        assert (jars / f"{name}-{version}.jar").is_file()
