"""What producers get wrong, through a real worker on a broker: refused with a reason or used, and never the end."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from schemas.dead import DeadLetter
from schemas.products import Product
from schemas.slates import Slate
from streams.kafka import partition_of
from tests.bad_input import Case, NoText, cases, event
from tests.installation import PARTITIONS, Installation

EVENTS = "clickstream.events"
PRODUCTS = {f"p{n}" for n in range(40)}
STRAYS = 5
GOOD = 20
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def product(product_id: str) -> bytes:
    """Write one of the shop's products."""
    return Product(product_id=product_id, title=f"Mug {product_id}").encode()


async def send_odd_name(producer: AIOKafkaProducer, topic: str, key: bytes, value: bytes | None) -> Any:
    """Send one record to its key's partition; aiokafka's builder in Python lets a name encode itself."""
    batch = producer.create_batch()
    batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 1 << 20)
    batch.append(timestamp=None, key=key, value=value, headers=[("before", b"x"), (NoText("name"), b"x")])
    return await (await producer.send_batch(batch, topic, partition=partition_of(key, PARTITIONS)))


@dataclass
class Story:
    """A shop that was sent everything bad, and then some events that are good; what its worker made of it."""

    shop: Installation
    at: datetime
    sent: dict[tuple[int, int], Case] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    slates: list[Slate] = field(default_factory=list)
    metrics: str = ""

    def send(self, case: Case, **more: Any) -> None:
        """Send a record and note where it came to stand; `more` is what `produce` takes."""

        def delivered(error: object, message: Any) -> None:
            assert error is None, f"{case.name}: {error}"
            self.sent[message.partition(), message.offset()] = case

        self.shop.produce(EVENTS, case.key, case.value, on_delivery=delivered, **more)

    def send_all(self) -> None:
        """Send the table, then what is bad only beside other records."""
        for case in cases(self.at):
            self.send(case)
        elsewhere = (partition_of(b"v-stray", PARTITIONS) + 1) % PARTITIONS
        for n in range(STRAYS):
            one = event(self.at, event_id=f"stray{n}", visitor_id="v-stray")
            self.send(Case("a key in another partition", one, None, b"v-stray"), partition=elsewhere)
        twice = Case("twice", event(self.at, event_id="twice"), None)
        self.send(twice)
        self.send(twice)
        yesterday = event(self.at - timedelta(days=1), event_id="late")
        self.send(Case("a day late", yesterday, None))
        refused = Case("headers without values", b"{nope", "not_json")
        self.send(refused, headers=[("origin", None), ("trace", None), ("trace", b"\xff")])
        self.send(Case("no consent", event(self.at, visitor_id="v-none", consent=None), None, b"v-none"))
        asyncio.run(self.send_odd_names())
        self.shop.flush()  # what follows stands after all of it in every partition
        for n in range(GOOD):
            value = event(self.at, event_id=f"good{n}", visitor_id=f"g{n}", query="mug " * 100)
            self.send(Case("good", value, None, b"g%d" % n), codec=CODECS[n % len(CODECS)])
            self.shop.flush()

    async def send_odd_names(self) -> None:
        """Send records with a header name that is no text, which librdkafka's Python client cannot write."""
        producer = AIOKafkaProducer(bootstrap_servers=self.shop.bootstrap)
        await producer.start()
        try:
            await send_odd_name(producer, f"{self.shop.prefix}catalog.products", b"p0", product("p0"))
            for case in (
                Case("a header name that is no text", event(self.at, event_id="odd"), None),
                Case("refused, with such a name", b"{nope", "not_json"),
            ):
                sent = await send_odd_name(producer, f"{self.shop.prefix}{EVENTS}", case.key, case.value)
                self.sent[sent.partition, sent.offset] = case
        finally:
            await producer.stop()

    def work(self) -> None:
        """Let a worker take it all, and read what it wrote."""
        self.shop.start()
        self.shop.wait(lambda: self.shop.committed() == len(self.sent))
        self.dead = [DeadLetter.decode(message.value()) for message in self.shop.read(f"{EVENTS}.dead")]
        self.slates = [Slate.decode(message.value()) for message in self.shop.read("recommendations")]
        self.metrics = self.shop.ask("/metrics")[1]

    def slates_of(self, event_id: str) -> Counter[str]:
        """Count an event's slates by placement."""
        return Counter(slate.placement for slate in self.slates if slate.cause.event_id == event_id)

    def counted(self, metric: str) -> float:
        """Sum a metric over its labels."""
        return sum(float(n) for n in re.findall(rf"^{metric}(?:{{.*}})? (\S+)$", self.metrics, re.MULTILINE))


@pytest.fixture(
    scope="module", params=["embedded_broker", pytest.param("kafka_broker", marks=pytest.mark.kafka)]
)  # fmt: skip
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Tell the story once on each broker."""
    broker = request.getfixturevalue(request.param)
    shop = Installation(broker, tmp_path_factory.mktemp("shop"))
    try:
        shop.put(((p.encode(), product(p)) for p in PRODUCTS), "catalog.products")
        story = Story(shop, datetime.now(UTC))
        story.send_all()
        story.work()
        yield story
    finally:
        shop.close()
        broker.delete_topics(shop.prefix)


def test_each_refused_record_is_a_dead_letter(story: Story) -> None:
    """With its reason and its bytes, named by where it stands, once; nothing else is on the topic."""
    refused = {place: case for place, case in story.sent.items() if case.reason}
    assert Counter((one.source.partition, one.source.offset) for one in story.dead) == Counter(refused.keys())
    for letter in story.dead:
        case = refused[letter.source.partition, letter.source.offset]
        assert letter.reason == case.reason, case.name
        assert (case.value or b"").startswith(letter.original() or b""), case.name
        assert letter.value_bytes == len(case.value or b""), case.name
    assert story.counted("aisle_dead_letters_total") == len(refused)


def test_each_good_record_is_used(story: Story) -> None:
    """However odd it looks, its visitor gets a slate of the shop's products."""
    for place, case in story.sent.items():
        if case.reason is None and case.name not in {"twice", "a day late"}:
            assert place in {(one.cause.partition, one.cause.offset) for one in story.slates}, case.name
    assert {item.product_id for slate in story.slates for item in slate.items} <= PRODUCTS


def test_nothing_stops(story: Story) -> None:
    """The worker that read it all is the first that was started, at lag zero, alive and ready."""
    assert b"starting it again" not in story.shop.log()
    assert b"Traceback" not in story.shop.log()
    assert (story.shop.ask("/livez")[0], story.shop.ask("/readyz")[0]) == (200, 200)
    assert story.counted("aisle_source_lag") == 0


def test_good_events_after_it_are_served(story: Story) -> None:
    """In every partition, however their producers compress them: one slate per placement."""
    assert {place[0] for place, case in story.sent.items() if case.name == "good"} == set(range(PARTITIONS))
    assert all(story.slates_of(f"good{n}") == {"home": 1, "product": 1} for n in range(GOOD))


def test_duplicates_and_late_events_give_no_slate_of_their_own(story: Story) -> None:
    """What comes twice is answered and learned once; nobody waits for the answer to what comes a day late."""
    assert story.slates_of("twice") == {"home": 1, "product": 1}
    assert story.slates_of("late") == {}
    learned = [json.loads(message.value()) for message in story.shop.read("learning", partitions=1)]
    places = {(step["origin"]["partition"], step["origin"]["offset"]) for step in learned}
    assert len(places) == len(learned)
    assert Counter(story.sent[place].name for place in places)["twice"] == 1
    assert Counter(story.sent[place].name for place in places)["a day late"] == 1


def test_keys_in_another_partition_are_counted_and_served(story: Story) -> None:
    """A producer that hashes or keys otherwise is seen in a metric: each record, and a visitor under another's key."""
    assert partition_of(b"v-elsewhere", PARTITIONS) != partition_of(b"someone-else", PARTITIONS)
    assert story.counted("aisle_foreign_keys_total") == STRAYS + 1
    assert all(story.slates_of(f"stray{n}") == {"home": 1, "product": 1} for n in range(STRAYS))


def test_without_consent_nothing_is_kept(story: Story) -> None:
    """Neither in the state nor in what is learned."""
    states = {message.key(): message.value() for message in story.shop.read("visitors.changelog")}
    learned = {json.loads(message.value())["visitor_id"] for message in story.shop.read("learning", partitions=1)}
    assert b"v-stray" in states
    assert "v-stray" in learned
    assert b"v-none" not in states
    assert "v-none" not in learned
    assert all(len(value or b"") <= 8192 for value in states.values())
