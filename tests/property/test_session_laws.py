"""Laws of the session context, for any events."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.context import Context
from models.session import Visitor, applied_of, decode_visitor, encode
from schemas.errors import DecodeError
from schemas.events import Event, Landing
from schemas.record import from_epoch_ms
from tests.journey import RULES, START_MS, event, step

NAMES = [
    "page_view", "view_item_list", "select_item", "view_item", "search", "add_to_cart", "remove_from_cart",
    "begin_checkout", "purchase", "refund", "page_ping", "impression", "identify", "forget",
]  # fmt: skip
LONG = "".join(chr(0x1F600 + place % 60) for place in range(118))

short_ids = st.sampled_from(["a", "b", "c", "d", "e.1", "e.2"])
long_ids = st.integers(0, 10**9).map(lambda number: f"{number:010d}{LONG}")
controls = st.none() | st.just("\x01" * 128)
nasty = st.text(st.characters(codec="utf-8"), max_size=128)


@st.composite
def events(draw: st.DrawFn, ids: st.SearchStrategy[str] = short_ids, names: tuple[str, ...] = tuple(NAMES)) -> Event:
    """Draw one event; times come in any order, over hours and sometimes months."""
    name = draw(st.sampled_from(names))
    at_s = draw(st.integers(0, 4000) | st.integers(0, 300 * 86_400))
    slate = draw(st.none() | st.tuples(st.sampled_from(["s1", "s2"]), st.none() | st.integers(1, 20)))
    return event(
        name, *draw(st.lists(ids, max_size=4)), at_s=at_s, slate=slate,
        event_id=draw(st.integers(0, 60).map(str)),
        view=draw(st.sampled_from([None, "p1", "p2"])),
        user_id=draw(st.sampled_from([None, None, None, "u1", "u2"])),
        consent=draw(st.sampled_from(["personalisation"] * 9 + ["none"])),
        query=draw(st.none() | nasty) if name == "search" else None,
        ping={"scroll": draw(st.none() | st.floats(0, 1)), "dwell_ms": draw(st.none() | st.integers(0, 10**7))},
    )  # fmt: skip


def stored(applied_visitor: Visitor | None) -> Visitor | None:
    """Write a visitor and read them again."""
    return None if applied_visitor is None else decode_visitor(encode(applied_visitor))


@given(stream=st.lists(events(), max_size=40), cuts=st.sets(st.integers(0, 40)))
def test_where_batches_are_cut_does_not_matter(stream: list[Event], cuts: set[int]) -> None:
    """State written and read again anywhere gives the same states, steps, contexts and bytes."""
    straight: Visitor | None = None
    cut: Visitor | None = None
    for offset, one in enumerate(stream):
        if offset in cuts:
            cut = stored(cut)
        left, right = step(straight, one, offset), step(cut, one, offset)
        assert left == right
        assert (left.context, left.context_before) == (right.context, right.context_before)
        straight, cut = left.visitor, right.visitor
        if straight is not None and cut is not None:
            assert encode(straight) == encode(cut)


@given(stream=st.lists(events(), min_size=1, max_size=30), data=st.data())
def test_what_was_applied_is_not_applied_again(stream: list[Event], data: st.DataObject) -> None:
    """Any replay of a prefix leaves state and log as they are."""
    visitor: Visitor | None = None
    for offset, one in enumerate(stream):
        visitor = step(visitor, one, offset).visitor
    if visitor is None:
        return
    for offset, one in enumerate(stream[: visitor.applied + 1]):
        again = step(visitor, one, offset)
        assert (again.visitor, again.changed, again.step, again.triggers) == (visitor, False, None, False)


@given(stream=st.lists(events(names=tuple(NAMES[:-1])), min_size=1, max_size=30))
def test_a_duplicate_moves_applied_and_nothing_else(stream: list[Event]) -> None:
    """Sending the last event twice is sending it once."""
    visitor: Visitor | None = None
    for offset, one in enumerate(stream):
        visitor = step(visitor, one, offset).visitor
    twice = step(visitor, stream[-1], len(stream))
    if stream[-1].consent == "none" or visitor is None:
        assert (twice.visitor, twice.step, twice.changed) == (visitor, None, False)
    else:
        assert (twice.visitor, twice.step) == (replace(visitor, applied=len(stream)), None)


@given(stream=st.lists(events(), min_size=1, max_size=30))
def test_a_late_event_leaves_the_session_where_it_was(stream: list[Event]) -> None:
    """Steps, times and counts of the visit stay; only a ping may add to its own page's engagement."""
    visitor: Visitor | None = None
    for offset, one in enumerate(stream):
        applied = step(visitor, one, offset)
        if applied.note == "late" and one.name != "page_ping":
            assert visitor is not None
            assert applied.visitor is not None
            assert applied.visitor.session == visitor.session
            assert applied.visitor.clock_ms == visitor.clock_ms
        visitor = applied.visitor


@given(
    stream=st.lists(events(names=("view_item", "select_item", "add_to_cart", "page_ping", "impression")), max_size=20),
    target=events(names=("view_item", "select_item", "add_to_cart")),
    shift_ms=st.integers(0, RULES.session_ms),
)
def test_the_targets_time_changes_no_prediction(stream: list[Event], target: Event, shift_ms: int) -> None:
    """Gap dwell of the last look is the time to the target: nothing predicted for the target may know it."""
    visitor: Visitor | None = None
    for offset, one in enumerate(sorted(stream, key=lambda one: one.at)):
        visitor = step(visitor, one.model_copy(update={"consent": "personalisation", "user_id": None}), offset).visitor
    if visitor is None:
        return
    seen: list[tuple[Context, object]] = []
    for at_ms in (visitor.clock_ms, visitor.clock_ms + shift_ms):
        fields = {"at": from_epoch_ms(at_ms), "event_id": "target", "consent": "personalisation", "user_id": None}
        applied = step(visitor, target.model_copy(update=fields), 99)
        lesson = applied.step.model_copy(update={"at": from_epoch_ms(0)}) if applied.step else None
        seen.append((applied.context_before, lesson))
    assert seen[0][0] == seen[1][0]
    if seen[0][1] is not None and seen[1][1] is not None:
        assert seen[0][1] == seen[1][1]


landings = st.builds(
    Landing, country=nasty.map(lambda text: text[:8]), utm_source=controls, utm_medium=controls, utm_campaign=controls,
    utm_term=controls, utm_content=controls,
)  # fmt: skip


@given(stream=st.lists(events(ids=long_ids), min_size=1, max_size=12), rounds=st.integers(1, 8), landing=landings)
def test_no_visitor_outgrows_the_limit(stream: list[Event], rounds: int, landing: Landing) -> None:
    """The longest ids of four-byte characters, over and over, stay within 8 KB, and the last look is known."""
    visitor: Visitor | None = None
    offset = 0
    for turn in range(rounds):
        for place, one in enumerate(stream):
            offset += 1
            fresh = {
                "event_id": f"{turn}-{place}-{LONG}",
                "at": from_epoch_ms(START_MS + offset * 1000),
                "context": landing if turn > rounds // 2 else None,
                "query": "\x01" * 512,
            }
            applied = step(visitor, one.model_copy(update=fresh), offset)
            visitor = applied.visitor
            if visitor is not None:
                assert len(encode(visitor)) <= RULES.max_bytes
            if one.name == "view_item" and one.items and applied.changed:
                assert applied.context.views[-1] == one.items[-1].product_id


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_visitor_or_the_one_error(data: bytes) -> None:
    """Reading raises DecodeError or nothing."""
    for read in (decode_visitor, applied_of):
        try:
            read(data)
        except DecodeError as error:
            assert error.reason in {"not_json", "schema", "unknown_version"}


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | nasty,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(nasty, inner, max_size=4),
    max_leaves=8,
)


@given(data=st.data(), field=st.sampled_from(["session", "shown", "profile", "entries", "rates", "seen", "clock"]))
def test_a_damaged_visitor_is_a_visitor_or_the_one_error(data: st.DataObject, field: str) -> None:
    """Anything in place of any field."""
    visitor = step(step(None, event("add_to_cart", "a"), 0).visitor, event("impression", "b"), 1).visitor
    assert visitor is not None
    plain = orjson.loads(encode(visitor)) | {field: data.draw(json)}
    try:
        decode_visitor(orjson.dumps(plain))
    except DecodeError as error:
        assert error.reason == "schema"


def test_a_visitors_bytes_start_with_what_a_restore_reads() -> None:
    """The offset is read without the rest."""
    visitor = step(None, event("view_item", "lamp"), 41).visitor
    assert visitor is not None
    assert encode(visitor).startswith(b'{"applied":41,')
    assert applied_of(encode(visitor)) == 41
    with pytest.raises(DecodeError):
        applied_of(b'{"session":1}')
