"""Builds that follow each other read and keep each other's visitors, or refuse."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.session import Visitor, decode_visitor, encode
from models.visitor_codec import FIELDS, READS, VERSION
from schemas.errors import DecodeError, RefusedError
from streams.flow import LogRecord
from streams.partitions import Restore
from tests.journey import RULES, Journey, event, step

NEWER = {"taste": {"red": 3, "of": [1, 2.5, None]}, "score": 7}


def visited(**more: object) -> Visitor:
    """Give a visitor who has looked at a mug, with fields a newer build added."""
    visit = Journey()
    visit("view_item", "mug", at_s=0)
    return decode_visitor(orjson.dumps(orjson.loads(encode(visit.visitor)) | more))


def fields(visitor: Visitor | None) -> dict[str, object]:
    """Give what is written of a visitor."""
    assert visitor is not None
    return dict(orjson.loads(encode(visitor)))


@given(st.dictionaries(st.text(min_size=1).filter(lambda name: name not in FIELDS), st.integers(-(2**53), 2**53)))
def test_fields_of_a_newer_build_are_written_again(more: dict[str, int]) -> None:
    """Whatever they are called; everything else is as it would be without them."""
    before = visited()
    with_more = visited(**more)
    after = step(with_more, event("view_item", "cup", at_s=30), 2).visitor
    assert fields(after) == fields(step(before, event("view_item", "cup", at_s=30), 2).visitor) | more
    assert decode_visitor(encode(with_more)) == with_more


@pytest.mark.parametrize("late", [False, True])
def test_they_belong_to_the_visitor(late: bool) -> None:  # noqa: FBT001  a case
    """They stay through late events and new visits, and go when somebody else signs in or the profile ends."""
    visitor = visited(**NEWER)
    again = step(visitor, event("view_item", "cup", at_s=-30 if late else 7200), 2).visitor
    assert {name: fields(again)[name] for name in NEWER} == NEWER
    ada = step(visitor, event("view_item", "cup", at_s=30, user_id="ada"), 2).visitor
    assert NEWER.keys() <= fields(ada).keys()
    bob = step(ada, event("view_item", "cup", at_s=60, user_id="bob"), 3).visitor
    assert not NEWER.keys() & fields(bob).keys()
    old = step(visitor, event("view_item", "cup", at_s=200 * 86_400), 2).visitor
    assert not NEWER.keys() & fields(old).keys()


def test_the_size_limit_holds_with_them() -> None:
    """A visitor whose newer fields fill the limit alone loses them, not the limit."""
    small, large = ({"notes": "x" * size} for size in (4000, 2 * RULES.max_bytes))
    assert fields(step(visited(**small), event("view_item", "cup", at_s=30), 2).visitor).keys() >= {"notes"}
    after = step(visited(**large), event("view_item", "cup", at_s=30), 2).visitor
    assert after is not None
    assert len(encode(after)) <= RULES.max_bytes


def test_another_version_is_refused_by_a_restore() -> None:
    """Its visitors would else start anew, and their states be written over; the sentence says what to do."""
    data = encode(visited()).replace(b'"version":%d' % VERSION, b'"version":%d' % (max(READS) + 1))
    with pytest.raises(DecodeError) as error:
        decode_visitor(data)
    assert error.value.reason == "unknown_version"
    with pytest.raises(
        RefusedError, match=r"partition 3 of visitors.changelog, offset 8: .*start the build that wrote"
    ):
        Restore(3).changelog([LogRecord(3, 8, 0, b"v", data)])
