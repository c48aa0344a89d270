"""Laws of what Kafka can hold: no record, however strange, kills the worker that reads it."""

from datetime import UTC, datetime
from functools import cache

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead import DeadLetter
from schemas.errors import DecodeError
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
def clicks() -> ClicksAgent:
    """Give an agent that knows nothing."""
    settings = Settings(_env_file=None)
    return ClicksAgent(build_world(settings), clicks_rules(settings), clock=lambda: AT)


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
    event = {"event_id": "e", "visitor_id": "v", "name": "view_item", "at": "2026-05-01T00:00:00Z"}
    value = orjson.dumps(event | {"items": [{"product_id": "p"}], "consent": "personalisation"})

    outcome = clicks().handle([LogRecord(0, 4, epoch_ms(AT), b"v", value)], part)

    assert (outcome.touched[b"v"] or b"").startswith(b'{"applied":4,')
    assert any(out.topic == "recommendations" for out in outcome.outputs)
