"""Laws of the record codec: one error, stable bytes, versions."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead import DeadLetter, Source
from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.events import AHEAD_MS, BEHIND_MS, Event, decode_event
from schemas.judgements import JudgementRequest, JudgementTable, Spending
from schemas.learning import LearningStep, Origin
from schemas.products import Embedding, Product
from schemas.record import MAX_RECORD_BYTES, Record, epoch_ms, from_epoch_ms
from schemas.rules import Rule
from schemas.slates import Cause, Evidence, Lineage, Slate

KINDS: list[type[Record]] = [
    Event, Product, Embedding, LearningStep, Slate, Evidence, JudgementRequest, JudgementTable, Spending, Rule,
    DeadLetter,
    Erasure,
]  # fmt: skip
AT = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
NOW_MS = epoch_ms(AT)

ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=128)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  given a zone
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


def event(**changes: object) -> bytes:
    """Write a valid event with some fields replaced."""
    plain = {"event_id": "e1", "name": "view_item", "visitor_id": "v1", "at": "2026-05-01T12:00:00.250Z"}
    return orjson.dumps(plain | changes)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=300))
def test_any_bytes_give_a_record_or_the_one_error(kind: type[Record], data: bytes) -> None:
    """Random bytes never raise anything but DecodeError."""
    try:
        assert isinstance(kind.decode(data), kind)
    except DecodeError as error:
        assert error.reason in {"not_json", "schema", "unknown_version"}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_any_json_on_our_fields_gives_a_record_or_the_one_error(kind: type[Record], data: st.DataObject) -> None:
    """JSON objects with our field names and any values never raise anything but DecodeError."""
    fields = data.draw(st.dictionaries(st.sampled_from([*kind.model_fields, "other"]), json, max_size=8))
    try:
        kind.decode(orjson.dumps(fields, option=orjson.OPT_NON_STR_KEYS))
    except DecodeError as error:
        assert error.reason in {"schema", "unknown_version", "not_json"}


@given(
    event_id=ids, visitor=ids, at=times, scroll=st.none() | st.floats(0, 1), product=ids,
    price=st.none() | st.floats(0, 1e9),
    query=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=512),
)  # fmt: skip
def test_encoding_a_decoded_event_is_stable(event_id, visitor, at, scroll, product, price, query) -> None:  # noqa: ANN001  drawn
    """encode(decode(x)) decodes to the same record and encodes to the same bytes."""
    data = event(
        event_id=event_id, visitor_id=visitor, at=at.isoformat(), query=query, ping={"scroll": scroll},
        items=[{"product_id": product, "price": price}],
    )  # fmt: skip
    first = Event.decode(data)
    again = Event.decode(first.encode())
    assert again == first
    assert again.encode() == first.encode()


def examples() -> list[Record]:
    """Give one record of each kind that has nested parts."""
    lineage = Lineage(products={"0": 3}, model=7, settings="ab", build="0.1.0")
    cause = Cause(topic="clickstream.events", partition=0, offset=1, event_id="e1")
    return [
        Slate(slate_id="s", visitor_id="v", placement="home", items=(), cause=cause, lineage=lineage, event_at=AT,
              decided_at=AT, expires_at=AT),
        LearningStep(origin=Origin(topic="clickstream.events", partition=0, offset=1), at=AT, visitor_id="v",
                     kind="view", items=(("p", 1.0),), context=(("q", 0.5),)),
        Product(product_id="p", title="Überzelt ⛺", category=("outdoor", "tents"), attributes={"season": 3}),
        DeadLetter(reason="schema", detail="x", source=Source(topic="t", partition=0, offset=0, timestamp=AT)),
    ]  # fmt: skip


@pytest.mark.parametrize("record", examples(), ids=lambda r: type(r).__name__)
def test_every_kind_survives_a_round_trip(record: Record) -> None:
    """decode(encode(x)) is x."""
    assert type(record).decode(record.encode()) == record


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_and_newer_minor_versions_pass_but_major_ones_do_not(kind: type[Record]) -> None:
    """A record of version 1.9 is read; one of 2.0 is refused by name whatever its fields are."""
    with pytest.raises(DecodeError) as refused:
        kind.decode(b'{"schema_version": "2.0", "all": "different"}')
    assert refused.value.reason == "unknown_version"
    assert kind.__name__ in refused.value.detail
    assert "2.0" in refused.value.detail
    assert Event.decode(event(schema_version="1.9", added_later={"x": [1]})).schema_version == "1.9"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"at": "1970-01-01T00:00:00Z"}, "clock_skew"),
        ({"at": "2200-01-01T00:00:00Z"}, "clock_skew"),
        ({"at": "2026-05-01T12:00:00"}, "schema"),
        ({"at": 1777636800}, "schema"),
        ({"name": "dance"}, "schema"),
        ({"visitor_id": "x" * 10_000}, "schema"),
        ({"visitor_id": ""}, "schema"),
        ({"visitor_id": None}, "schema"),
        ({"visitor_id": "\0watermark"}, "schema"),
        ({"items": [{"product_id": "p"}] * 201}, "schema"),
        ({"query": "x" * 70_000}, "too_large"),
    ],
)
def test_bad_events_are_refused_with_their_reason(changes: dict[str, object], reason: str) -> None:
    """Each kind of bad event has its reason, and the detail never repeats a value."""
    with pytest.raises(DecodeError) as refused:
        decode_event(event(**changes), arrival_ms=NOW_MS)
    assert refused.value.reason == reason
    assert "xxxx" not in refused.value.detail


@pytest.mark.parametrize("price", [b"NaN", b"Infinity", b"1e999", b"-1", b'"free"'])
def test_prices_that_are_no_price_are_refused(price: bytes) -> None:
    """NaN, infinities, negatives and words are not prices."""
    data = event(items=[{"product_id": "p", "price": 77}]).replace(b"77", price)
    with pytest.raises(DecodeError, match="schema"):
        decode_event(data, arrival_ms=NOW_MS)


@pytest.mark.parametrize("number", ["1" + "0" * 400, str(2**63), "-1e19", "1e999", "NaN"])
@pytest.mark.parametrize("field", ['"stock"', '"attributes":{"repurchase_days"', '"markets":{"DE":{"stock"'])
def test_numbers_that_no_shop_can_hold_are_refused(field: str, number: str) -> None:
    """A stock or an attribute of 400 digits would fail wherever it is reckoned with."""
    data = f'{{"product_id":"p","title":"Mug",{field}:{number}{"}" * field.count("{")}}}'
    with pytest.raises(DecodeError, match="schema"):
        Product.decode(data.encode())


def test_event_time_is_held_against_arrival_and_clamped() -> None:
    """Ten minutes ahead is clamped, more is refused; a week behind needs an origin header."""
    data = event()
    assert decode_event(data, arrival_ms=NOW_MS - AHEAD_MS).at == from_epoch_ms(NOW_MS - AHEAD_MS)
    with pytest.raises(DecodeError, match="clock_skew"):
        decode_event(data, arrival_ms=NOW_MS - AHEAD_MS - 1)
    assert decode_event(data, arrival_ms=NOW_MS + BEHIND_MS).at == AT
    with pytest.raises(DecodeError, match="clock_skew"):
        decode_event(data, arrival_ms=NOW_MS + BEHIND_MS + 1)
    assert decode_event(data, arrival_ms=NOW_MS + BEHIND_MS + 1, origin="import").at == AT


def test_a_record_of_the_limit_is_read_and_one_byte_more_is_not() -> None:
    """64 KiB is the limit, counted in bytes."""
    data = event(other="")
    fits = data[:-2] + b"x" * (MAX_RECORD_BYTES - len(data)) + data[-2:]
    assert Event.decode(fits).event_id == "e1"
    with pytest.raises(DecodeError, match="too_large"):
        Event.decode(fits[:-2] + b"x" + fits[-2:])


def test_deep_nesting_is_refused_not_crashed_on() -> None:
    """Ten thousand brackets are the one error."""
    with pytest.raises(DecodeError):
        Event.decode(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
