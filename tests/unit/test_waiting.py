"""Slates that wait for judgements: one of a shelf, each until its deadline, no more than there is room for."""

from datetime import datetime, timedelta

import pytest

from models.context import Context
from models.intent import JudgementKey
from models.placements import PLACEMENTS
from schemas.events import Event
from schemas.slates import Cause
from streams import waiting
from streams.deciding import Answers, Occasion
from streams.waiting import Held, Waiting
from tests.judging import NOON

FINE, COARSE = JudgementKey("new.any.any", "outdoor/kids.low.browsing"), JudgementKey("any", "outdoor/kids")


def held(
    n: int, visitor: str = "v", *, user: str | None = None, until: datetime = NOON, anchor: str | None = None
) -> Held:
    """Make the n-th slate."""
    event = Event(event_id=f"e{n}", name="view_item", visitor_id=visitor, at=NOON, consent="personalisation")
    occasion = Occasion(
        event,
        Context(visitor, user_id=user, consent=True),
        Cause(topic="t", partition=0, offset=n, event_id=f"e{n}"),
    )
    return Held(
        f"s{n}", (visitor, "home", anchor), PLACEMENTS[0], occasion, Answers((), (), (), ()), (FINE, COARSE), ("p",),
        until, None,
    )  # fmt: skip


def names(found: list[Held]) -> list[str]:
    """Name slates."""
    return [one.slate_id for one in found]


def test_a_newer_slate_of_a_shelf_takes_the_place_of_the_older_one() -> None:
    """Of the same visitor, placement and anchor; another anchor is another shelf."""
    all_of_them = Waiting()
    first, second = held(1), held(2)
    for one in (first, held(3, anchor="p"), held(4, "w"), second):
        all_of_them.add(one)
    assert names(all_of_them.waiting_for([COARSE.encode()])) == ["s3", "s4", "s2"]
    assert not all_of_them.holds(first)
    assert all_of_them.holds(second)


def test_slates_are_found_by_any_of_their_keys_once() -> None:
    """The longest waiting first; what nobody waits for finds nothing."""
    all_of_them = Waiting()
    for n in range(3):
        all_of_them.add(held(n, f"v{n}"))
    assert names(all_of_them.waiting_for([COARSE.encode(), FINE.encode()])) == ["s0", "s1", "s2"]
    assert all_of_them.waiting_for([b"another"]) == []
    assert all_of_them.waiting_for([]) == []


def test_a_slate_waits_until_its_deadline_and_not_longer() -> None:
    """At the deadline it still waits; a millisecond later it does not."""
    all_of_them = Waiting()
    all_of_them.add(held(1, "v"))
    all_of_them.add(held(2, "w", until=NOON + timedelta(seconds=1)))
    all_of_them.expire(NOON)
    assert len(all_of_them) == 2
    all_of_them.expire(NOON + timedelta(milliseconds=1))
    assert names(all_of_them.waiting_for([FINE.encode()])) == ["s2"]


def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond, the oldest does not get its revision."""
    monkeypatch.setattr(waiting, "MOST", 2)
    all_of_them = Waiting()
    for n in range(4):
        all_of_them.add(held(n, f"v{n}"))
    assert names(all_of_them.waiting_for([FINE.encode()])) == ["s2", "s3"]


def test_slates_are_found_by_whose_they_are() -> None:
    """By visitor, and by user whatever the visitor; who is not known has no user."""
    all_of_them = Waiting()
    for one in (held(1, "v", user="u"), held(2, "v", anchor="p"), held(3, "w", user="u"), held(4, "x")):
        all_of_them.add(one)
    assert sorted(names(all_of_them.of_visitor("v"))) == ["s1", "s2"]
    assert names(all_of_them.of_user("u")) == ["s1", "s3"]
    assert all_of_them.of_visitor("nobody") == []


def test_nothing_is_left_of_slates_that_have_left() -> None:
    """However they left: no key and no visitor keeps a name."""
    all_of_them = Waiting()
    for n in range(20):
        all_of_them.add(held(n, f"v{n % 7}", until=NOON + timedelta(seconds=n)))
    all_of_them.leave(("v1", "home", None), outcome="sent")
    all_of_them.expire(NOON + timedelta(seconds=16))
    assert len(all_of_them) > 0
    all_of_them.clear()
    assert len(all_of_them) == 0
    assert vars(all_of_them) == vars(Waiting())
