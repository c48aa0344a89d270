"""Slates of a campaign: for whom, decided from what, and written once whatever happens in between."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from models.key_forms import pair
from schemas.erasures import Erasure
from schemas.errors import RefusedError
from schemas.learning import Origin
from schemas.slates import Slate
from schemas.topics import ERASURES, EVENTS, JUDGEMENTS, PRODUCTS, SLATES
from streams.kafka import partition_of
from streams.precompute.asked import Asked, ask_visitors
from streams.precompute.running import Done, plain
from streams.precompute.showing import done_line, planned_lines
from tests.judging import shop
from tests.memory_logs import NOON, KilledError, Worker
from tests.precomputing import LATER, Precomputing, failing

CUSTOMERS = tuple(f"c{n}" for n in range(6))
ASKED = Asked(visitors=(*CUSTOMERS, "w0", "nobody"), campaign="spring", most_usd=1.0)


def test_every_visitor_who_is_known_gets_a_slate_at_each_placement(tmp_path: Path) -> None:
    """Judged first, by their segment, each product once; named by campaign, with the last event as the cause."""
    given = Precomputing(tmp_path)
    planned = given.plan(ASKED)
    done = given.run(ASKED)
    slates = given.slates()
    assert {(one.visitor_id, one.placement) for one in slates} == {
        (visitor, placement) for visitor in (*CUSTOMERS, "w0") for placement in ("email", "push")
    }
    assert set(given.tables()) == {f"returning.{tier}.outdoor|any.landing" for tier in ("low", "mid")}
    assert (done.tables, done.slates) == (2, 14)
    assert done.products == sum(len(one.scores) for one in given.tables().values()) == planned.estimate.products
    assert planned.needs is not None
    visitors = Counter(one.judged.segment for one in slates if one.judged)
    assert [key.segment for key in planned.needs.wanted] == [segment for segment, _ in visitors.most_common()]
    mail = next(one for one in slates if (one.visitor_id, one.placement) == ("c0", "email"))
    assert (mail.anchor, mail.revision, mail.cause.event_id, len(mail.items)) == ("spring", 0, "campaign:spring", 16)
    state = Worker(given).parts[mail.cause.partition].visitors[b"c0"]
    assert b'"applied":%d,' % mail.cause.offset in state
    assert mail.judged is not None
    assert (mail.judged.by, mail.judged.covered) == ("fine", True)
    assert mail.lineage.judgements == len(given.logs.topics[given.topics[JUDGEMENTS], 0]) - 1
    assert mail.lineage == Worker(given).world.lineage()
    assert mail.expires_at - mail.decided_at == timedelta(days=1)
    told = plain(planned, done)
    assert (told["visitors"]["found"], told["visitors"]["unknown"], told["visitors"]["nothing_to_judge_by"]) == (
        7,
        1,
        1,
    )
    text = "\n".join([*planned_lines(planned), done_line(planned, done)])
    assert "8 visitors: 7 found, 1 unknown, 0 forgotten, 0 not seen for too long" in text
    assert "14 slates written" in text


def test_a_visit_that_has_ended_is_the_profiles_and_one_that_has_not_is_its_own(tmp_path: Path) -> None:
    """Five hours later the customer's segment speaks; five minutes later what they look at does."""
    given = Precomputing(tmp_path)
    asked = replace(ASKED, visitors=("c0",), judges=False)
    later, now = (given.plan(asked, at=at).needs for at in (LATER, NOON + timedelta(minutes=5)))
    assert later is not None
    assert now is not None
    assert [key.intent for key in later.wanted] == ["any.landing"]
    assert [key.intent for key in now.wanted] == ["outdoor/adults.low.browsing"]
    assert all(pair(*key) == key for key in (*later.wanted, *now.wanted))


def test_what_was_bought_just_now_rests_in_the_mail_too(tmp_path: Path) -> None:
    """And comes back when its time has come."""
    given = Precomputing(tmp_path)
    asked = replace(ASKED, visitors=("c0",), judges=False)
    given.run(asked)
    given.run(replace(asked, campaign="summer"), at=LATER + timedelta(days=40))
    soon, late = (
        {item.product_id for one in given.slates(campaign=c) for item in one.items} for c in ("spring", "summer")
    )
    assert "adults-boots-0" not in soon
    assert "adults-boots-0" in late


def test_who_asked_to_be_forgotten_and_who_was_away_too_long_get_nothing(tmp_path: Path) -> None:
    """By visitor and by user, and whether or not a worker has taken their state away."""
    given = Precomputing(tmp_path)
    given.happens("u1", "view_item", "lamp-1", user="somebody")
    Worker(given).run()
    given.forget("c0", until=NOON + timedelta(hours=1))
    given.forget("gone", until=NOON)
    people = given.plan(replace(ASKED, visitors=("c0", "gone", "c1"))).campaign
    away = given.plan(replace(ASKED, visitors=("c1",)), at=NOON + timedelta(days=200)).campaign
    assert people is not None
    assert away is not None
    assert (people.people.forgotten, people.people.unknown, len(people.people.found)) == (2, 0, 1)
    assert (away.people.expired, len(away.people.found)) == (1, 0)


def test_who_asks_to_be_forgotten_while_judging_goes_on_gets_nothing(tmp_path: Path) -> None:
    """An hour may pass before the first slate is decided; it makes no difference whether a worker has come to it."""
    given = Precomputing(tmp_path)
    planned = given.plan(ASKED)
    entry = Erasure(
        subject="visitor",
        subject_id="c0",
        until=NOON + timedelta(hours=1),
        origin=Origin(topic=EVENTS, partition=0, offset=0),
    )
    given.logs.put(given.topics[ERASURES], 0, entry.key(), entry.encode(), LATER)
    given.happens("c1", "forget")
    Worker(given).run()
    done = given.finish(planned)
    assert {one.visitor_id for one in given.slates()} == {*CUSTOMERS, "w0"} - {"c0", "c1"}
    told = plain(planned, done)["visitors"]
    assert (told["found"], told["forgotten"], told["unknown"]) == (5, 2, 1)


def test_what_is_sold_out_while_judging_goes_on_is_not_mailed(tmp_path: Path) -> None:
    """Slates are decided from the catalogue as it is by then, and name how far it was read."""
    given = Precomputing(tmp_path)
    planned = given.plan(ASKED)
    key = b"adults-boots-5"
    gone = shop()["adults-boots-5"].model_copy(update={"stock": 0})
    given.logs.put(given.topics[PRODUCTS], partition_of(key, 4), key, gone.encode(), LATER)
    given.finish(planned, at=LATER + timedelta(days=2))
    slates = given.slates()
    assert {one.expires_at for one in slates} == {LATER + timedelta(days=3)}, "a day from when it was decided"
    assert not [one for one in slates if key.decode() in {item.product_id for item in one.items}]
    assert slates[0].lineage == Worker(given).world.lineage()


@pytest.mark.parametrize("writes", [1, 3, 5])
def test_a_run_that_was_killed_goes_on_and_nothing_is_doubled(tmp_path: Path, writes: int) -> None:
    """While judging or between the partitions' slates: the second run does what is left, as one run would have."""
    whole, given = Precomputing(tmp_path / "whole"), Precomputing(tmp_path / "killed")
    whole.run(ASKED)
    given.logs.left = writes
    with pytest.raises(KilledError):
        given.run(ASKED)
    given.logs.left = 1 << 30
    calls, there = len(given.model.calls), len(given.slates())
    done = given.run(ASKED)
    assert (done.slates + there, done.already) == (14, there)
    assert sorted(one.slate_id for one in given.slates()) == sorted(one.slate_id for one in whole.slates())
    assert len(given.model.calls) <= len(whole.model.calls) + 2
    if there:
        assert len(given.model.calls) == calls
    assert given.run(ASKED).slates == 0


def test_half_a_visitor_is_made_whole(tmp_path: Path) -> None:
    """Of a write that was cut in the middle, what is missing is written."""
    given = Precomputing(tmp_path)
    given.run(ASKED)
    partition = next(p for p in range(3) if given.logs.topics[given.topics[SLATES], p])
    lost = Slate.decode(given.logs.topics[given.topics[SLATES], partition].pop().value)
    again = given.run(ASKED)
    assert (again.slates, again.already) == (1, 13)
    assert given.logs.topics[given.topics[SLATES], partition][-1].value is not None
    assert Slate.decode(given.logs.topics[given.topics[SLATES], partition][-1].value).items == lost.items


def test_without_judging_slates_are_decided_from_what_is_there(tmp_path: Path) -> None:
    """No model is needed, none is asked, and nothing is told of what judging would take."""
    given, asked = Precomputing(tmp_path), replace(ASKED, judges=False)
    planned = given.plan(asked)
    done: Done = given.run(asked)
    assert (done.slates, done.calls, given.model.calls) == (14, 0, [])
    told = "\n".join([*planned_lines(planned), done_line(planned, done)])
    assert "decided from what is there" in told
    assert "USD" not in told


def test_nothing_is_mailed_while_judging_has_not_ended(tmp_path: Path) -> None:
    """A campaign is judged, or it is asked for without judging: never half."""
    given = Precomputing(tmp_path)
    given.model.fails = [*failing("refusal")]
    with pytest.raises(RefusedError, match="did not answer for all"):
        given.run(ASKED)
    assert not given.slates()


def test_a_file_of_strangers_is_refused(tmp_path: Path) -> None:
    """They may be users, or addresses."""
    with pytest.raises(RefusedError, match="None of these visitors has a state"):
        Precomputing(tmp_path).run(replace(ASKED, visitors=("a@b.example",)))


def test_a_file_names_visitors_one_a_line(tmp_path: Path) -> None:
    """Blank lines do not count, and somebody who is named twice is counted."""
    file = tmp_path / "visitors.txt"
    file.write_bytes(b"\xef\xbb\xbfv1\r\n\n v2 \nv1\n")
    asked = ask_visitors(file, "spring", "push", judges=True, most_usd=2)
    assert (asked.visitors, asked.repeated) == (("v1", "v2"), 1)
    assert [one.name for one in asked.placements] == ["push"]


@pytest.mark.parametrize(
    ("content", "campaign", "placements", "sentence"),
    [
        (b"v1", None, "email", "--visitors needs --campaign"),
        (b"v1", "spring sale!", "email", "names no campaign"),
        (b"v1", "spring", "home", "No campaign has a placement 'home': there are email, push"),
        (b"v1", "spring", ",", "--placements names none"),
        (b"\n \n", "spring", "email", "names no visitor"),
        (b"\xff\xfe", "spring", "email", "it is not UTF-8"),
        (b"v1\n\n" + b"x" * 129, "spring", "email", r"^Line 3 of .* is no visitor id \('x{40}'\): one has 1 to 128"),
        (b"v1\nv\x002", "spring", "email", r"Line 2 of .* is no visitor id \('v\\x002'\)"),
        (None, "spring", "email", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, content: bytes | None, campaign: str | None, placements: str, sentence: str
) -> None:
    """With what to do."""
    file = tmp_path / "visitors.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RefusedError, match=sentence):
        ask_visitors(file, campaign, placements, judges=True, most_usd=1)
