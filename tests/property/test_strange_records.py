"""Laws of what Kafka can hold: no record, however strange, kills the worker that reads it."""

import json
from datetime import UTC, datetime
from functools import cache

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.dead import DeadLetter
from schemas.errors import DecodeError
from schemas.products import Product
from schemas.record import epoch_ms
from schemas.topics import DEAD_OF, EVENTS, PRODUCTS, TopicName
from streams.bootstrap import build_world, clicks_rules
from streams.catalog import CatalogAgent
from streams.clicks import ClicksAgent
from streams.dead_letters import refused
from streams.delivery import MAX_OUTPUT_BYTES
from streams.flow import LogRecord
from streams.partitions import PartitionState
from streams.settings import Settings
from streams.world import World

AT = datetime(2026, 5, 1, tzinfo=UTC)
INT64 = st.integers(-(2**63), 2**63 - 1)

stamps = INT64 | st.sampled_from([-1, 10**16, epoch_ms(AT)])
names = st.text(max_size=300) | st.just("origin")
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=300) | st.just(b"import")), max_size=20).map(tuple)
event_fields = st.fixed_dictionaries(
    {
        "event_id": st.just("e"), "visitor_id": st.just("v"), "name": st.sampled_from(["view_item", "purchase"]),
        "at": st.sampled_from(["2026-05-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "1900-01-01T00:00:00Z"]),
        "consent": st.just("personalisation"), "items": st.just([{"product_id": "p"}]),
    }
)  # fmt: skip
product_fields = st.fixed_dictionaries({"product_id": st.just("p"), "title": st.just("Mug")})
values = st.none() | st.binary(max_size=300) | (event_fields | product_fields).map(orjson.dumps)
records = st.builds(
    LogRecord, st.integers(0, 100), st.integers(0, 2**63 - 1), stamps, st.none() | st.binary(max_size=9000), values,
    headers,
)  # fmt: skip


@pytest.mark.parametrize("topic", DEAD_OF)
@given(record=records, attempts=st.integers(1, 3))
def test_every_record_has_a_dead_letter(topic: TopicName, record: LogRecord, attempts: int) -> None:
    """Whatever the bytes, the headers and the time: one letter with the record's place and bytes."""
    out = refused(topic, record, DecodeError("handler", "died"), attempts=attempts)

    letter = DeadLetter.model_validate_json(out.value or b"")
    assert (out.topic, out.partition, out.source_offset) == (DEAD_OF[topic], record.partition, record.offset)
    assert (letter.source.topic, letter.source.offset) == (topic, record.offset)
    assert letter.original() == record.value


def test_the_largest_record_has_a_dead_letter_that_the_broker_takes() -> None:
    """A megabyte in the value, in the key and in the headers, all of it control characters."""
    million = b"\x01" * 2**20
    record = LogRecord(0, 0, 10**16, million, million, tuple((f"{n}" + "\x01" * 10**6, million) for n in range(40)))

    out = refused(EVENTS, record, DecodeError("schema", "\x01" * 5000))

    assert len(out.value or b"") + len(out.key or b"") <= MAX_OUTPUT_BYTES


@cache
def world() -> World:
    """Give folds that have read nothing."""
    return build_world(Settings(_env_file=None))


@cache
def clicks() -> ClicksAgent:
    """Give an agent of that world."""
    return ClicksAgent(world(), clicks_rules(Settings(_env_file=None)), clock=lambda: AT)


def did(name: str, offset: int, **fields: object) -> LogRecord:
    """Write an event of visitor v."""
    event = {"event_id": f"e{offset}", "visitor_id": "v", "name": name, "at": "2026-05-01T00:00:00Z"}
    return LogRecord(0, offset, epoch_ms(AT), b"v", orjson.dumps(event | {"consent": "personalisation"} | fields))


@given(record=records)
def test_no_record_kills_the_clicks_agent(record: LogRecord) -> None:
    """It becomes an event or a dead letter, and the mark is past it."""
    part = PartitionState(record.partition)

    outcome = clicks().handle([record], part)

    assert part.mark == record.offset
    assert outcome.touched or [out.topic for out in outcome.outputs] == [DEAD_OF[EVENTS]]


@given(record=records)
def test_no_record_kills_the_catalog_agent(record: LogRecord) -> None:
    """It becomes work, a dead letter, or a product that is gone."""
    agent = CatalogAgent(model="m", dim=lambda: 3, clock=lambda: AT)

    outcome = agent.handle([record])

    assert {out.topic for out in outcome.outputs} <= {DEAD_OF[PRODUCTS]}
    assert bool(outcome.outputs) + agent.waiting() == (record.value is not None)


@given(stored=st.binary(max_size=100) | st.just(b'{"applied":3,"version":99}'))
def test_a_visitor_that_cannot_be_read_starts_anew(stored: bytes) -> None:
    """As after a rollback to a build that writes another version: the event counts, the state is replaced."""
    part = PartitionState(0, mark=3, visitors={b"v": stored})

    outcome = clicks().handle([did("view_item", 4, items=[{"product_id": "p"}])], part)

    assert (outcome.touched[b"v"] or b"").startswith(b'{"applied":4,')
    assert any(out.topic == "recommendations" for out in outcome.outputs)


numbers = st.integers() | st.sampled_from([10**400, 2**63, -1, 3650, 3651, 1e18, 1e308, 5e-324]) | st.floats()
prices = st.floats(0, 1e9) | numbers
markets = st.dictionaries(st.text(max_size=9), st.fixed_dictionaries({}, optional={"price": prices, "stock": numbers}))
attributes = st.dictionaries(st.just("repurchase_days") | st.text(), st.text() | st.booleans() | numbers, max_size=4)
times = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
offers = st.fixed_dictionaries(
    {"product_id": st.just("p"), "title": st.text(min_size=1)},
    optional={
        "attributes": attributes, "stock": numbers, "price": prices, "sale_price": prices, "markets": markets,
        "group_id": st.text(min_size=1, max_size=5), "category": st.lists(st.text(), max_size=3),
        "available_from": times, "updated_at": times, "hidden": st.booleans(), "restricted": st.booleans(),
        "vector": st.lists(numbers, max_size=3),
    },
)  # fmt: skip


@example(offer={"product_id": "p", "title": "Mug", "attributes": {"repurchase_days": 10**400}}, arrived_ms=0)
@example(offer={"product_id": "p", "title": "Mug", "attributes": {"repurchase_days": 10**18}}, arrived_ms=10**16)
@given(offer=offers, arrived_ms=INT64)
def test_no_product_kills_the_worker_that_sells_it(offer: dict[str, object], arrived_ms: int) -> None:
    """What the schema takes goes through the catalogue, an embedder's queue and the slates of who buys it."""
    try:
        product = Product.decode(json.dumps(offer).encode())
    except DecodeError:
        return
    knowledge = world().knowledge
    knowledge.put_product(Product(product_id="other", title="Other"))
    knowledge.put_product(product, arrived_ms=arrived_ms)
    item = [{"product_id": "p", "quantity": 1, "price": 2}]
    bought = [did("purchase", 0, items=item), did("view_item", 1, items=item), did("search", 2, query=product.title)]

    CatalogAgent(model="m", dim=lambda: 3, clock=lambda: AT).handle(
        [LogRecord(0, 0, arrived_ms, b"p", product.encode())]
    )
    outcome = clicks().handle(bought, PartitionState(0))

    assert [out.topic for out in outcome.outputs].count("recommendations") > 3
    knowledge.remove_product("p")
