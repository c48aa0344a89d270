"""Tables of segments and intents, filled before anybody asks."""

from pathlib import Path

import pytest

from models.intent import JudgementKey
from models.wording import for_whom
from schemas.errors import RefusedError
from streams.kafka import partition_of
from streams.precompute import room
from streams.precompute.asked import Asked, ask_keys
from streams.precompute.running import plain
from streams.precompute.showing import done_line, planned_lines
from tests.judging import shop
from tests.memory_logs import KilledError
from tests.precomputing import Precomputing, failing

KIDS = JudgementKey("any", "outdoor/kids")
FINE = JudgementKey("loyal.mid.outdoor", "outdoor/kids.any.browsing")
PRODUCTS = shop()


def keys(*asked: JudgementKey, most_usd: float = 1.0) -> Asked:
    """Ask for tables."""
    return Asked(keys=asked, most_usd=most_usd)


def test_a_keys_table_holds_what_fits_it_then_the_rest_of_its_department(tmp_path: Path) -> None:
    """All forty of the kids' things, the popular first, and then those for adults; of another department none."""
    given = Precomputing(tmp_path)
    given.run(keys(KIDS))
    scores = given.tables()["any|outdoor/kids"].scores
    assert {for_whom(PRODUCTS[item]) for item, one in scores.items() if one.score > 5} == {"kids"}
    assert len(scores) == 80
    assert not any(item.startswith("lamp") for item in scores)
    first = given.model.calls[0].user
    assert '"for":"adults"' not in first


def test_a_landing_is_judged_by_the_segments_department(tmp_path: Path) -> None:
    """What is popular there comes first."""
    given = Precomputing(tmp_path)
    key = JudgementKey("loyal.any.home", "any.landing")
    planned = given.plan(keys(key))
    assert set(planned.wants[0].missing) == {name for name in PRODUCTS if name.startswith("lamp")}
    assert set(planned.wants[0].missing[:3]) == {"lamp-0", "lamp-1", "lamp-2"}


def test_what_is_judged_already_costs_nothing(tmp_path: Path) -> None:
    """The second run asks nothing, and says so beforehand."""
    given = Precomputing(tmp_path)
    first = given.run(keys(KIDS, FINE))
    asked = len(given.model.calls)
    planned = given.plan(keys(KIDS, FINE))
    again = given.run(keys(KIDS, FINE))
    assert (first.tables, first.products, first.calls) == (2, 160, asked)
    assert (planned.estimate.products, planned.estimate.cached, planned.estimate.calls) == (0, 160, 0)
    assert (again.calls, len(given.model.calls)) == (0, asked)


def test_the_estimate_is_what_is_asked_and_its_bound_holds(tmp_path: Path) -> None:
    """As many calls as are made, and at most as dear as it says; a plan writes nothing."""
    given = Precomputing(tmp_path)
    before = sum(map(len, given.logs.topics.values()))
    planned = given.plan(keys(KIDS, FINE))
    assert sum(map(len, given.logs.topics.values())) == before
    assert not given.model.calls
    done = given.run(keys(KIDS, FINE))
    told = planned.estimate
    assert (told.keys, told.products, told.calls) == (2, 160, done.calls)
    assert 0 < told.usd_expected < told.usd_at_most
    assert done.usd <= told.usd_at_most
    text = "\n".join([*planned_lines(planned), done_line(planned, done)])
    assert "160 products in 2 tables" in text
    assert plain(planned, None)["dry_run"]
    assert plain(planned, done)["judged"] == {"tables": 2, "products": 160, "calls": done.calls, "usd": done.usd}


def test_keys_are_filled_side_by_side(tmp_path: Path) -> None:
    """As many calls at once as the caller allows."""
    given = Precomputing(tmp_path, llm_concurrency=2)
    given.run(keys(KIDS, FINE))
    assert given.model.most_at_once == 2


def test_the_money_of_a_run_ends_it_with_a_sentence_and_what_was_judged_stays(tmp_path: Path) -> None:
    """Started again with more, it goes on with what is missing."""
    given = Precomputing(tmp_path)
    most = given.plan(keys(KIDS)).estimate.usd_at_most / 2
    with pytest.raises(RefusedError, match=r"may cost .* USD and has cost .*0 of 1 tables are filled, and what was"):
        given.run(keys(KIDS, most_usd=most))
    there = len(given.tables()["any|outdoor/kids"].scores)
    assert 0 < there < 80
    told = given.plan(keys(KIDS)).estimate
    done = given.run(keys(KIDS))
    assert (told.products, told.cached, told.calls) == (80 - there, there, done.calls)
    assert done.products == 80 - there
    with pytest.raises(RefusedError, match=r"may cost 0\.00 USD"):
        given.run(keys(FINE, most_usd=0.0))


def test_a_kill_loses_the_call_in_flight_alone(tmp_path: Path) -> None:
    """Each answer is written as it comes."""
    given = Precomputing(tmp_path)
    given.logs.left = 1
    with pytest.raises(KilledError):
        given.run(keys(KIDS))
    given.logs.left = 1 << 30
    assert len(given.tables()["any|outdoor/kids"].scores) == 30
    assert given.run(keys(KIDS)).products == 50


def test_a_model_that_fails_for_one_key_fills_the_others(tmp_path: Path) -> None:
    """The run ends with a sentence all the same."""
    given = Precomputing(tmp_path, llm_concurrency=1)
    given.model.fails = [*failing("refusal")]
    with pytest.raises(RefusedError, match=r"did not answer for all \(refusal 1x\): 1 of 2 tables are filled"):
        given.run(keys(KIDS, FINE))
    assert set(given.tables()) == {FINE.encode().decode()}


def test_a_key_that_is_not_taken_ends_everything(tmp_path: Path) -> None:
    """No further call is made, and the server's sentence is passed on."""
    given = Precomputing(tmp_path, llm_concurrency=1)
    given.model.fails = [*failing("key", "key")]
    with pytest.raises(RefusedError, match=r"The key is not taken\. 0 of 2 tables are filled"):
        given.run(keys(KIDS, FINE))
    assert len(given.model.calls) == 1


def test_keys_without_products_are_named(tmp_path: Path) -> None:
    """A misspelt department is told from those there are."""
    given = Precomputing(tmp_path)
    odd = JudgementKey("any", "outdor/kids")
    assert "any|outdor/kids: nothing that is sold fits." in planned_lines(given.plan(keys(odd, KIDS)))
    with pytest.raises(RefusedError, match="the departments are outdoor, home"):
        given.run(keys(odd))


def test_pairs_that_no_slate_is_judged_by_are_left_out() -> None:
    """Everybody's tables are coarse, a segment's are fine; what has another form is told the form."""
    asked = ask_keys("loyal.mid.outdoor, any", "outdoor/kids,outdoor/kids.low.browsing,any.landing", most_usd=1)
    assert set(asked.keys) == {
        JudgementKey("any", "outdoor/kids"),
        JudgementKey("loyal.mid.outdoor", "outdoor/kids.low.browsing"),
        JudgementKey("loyal.mid.outdoor", "any.landing"),
    }
    assert asked.left_out == 3


@pytest.mark.parametrize(
    ("segments", "intents", "sentence"),
    [
        ("", "outdoor/kids", "--segments names none"),
        ("any", " , ", "--intents names none"),
        ("any", None, "--intents names none"),
        ("loyal.outdoor", "outdoor/kids", "'loyal.outdoor' is no segment: write any, or VISITS"),
        ("any", "Outdoor kids", "'Outdoor kids' is no intent: write DEPARTMENT/WHOM"),
        ("any", "outdoor/kids.cheap.browsing", "is no intent"),
        ("any", "outdoor/kids.low.browsing", "No slate is judged by any of these pairs"),
    ],
)
def test_what_is_no_key_is_refused(segments: str, intents: str | None, sentence: str) -> None:
    """With the form that is wanted."""
    with pytest.raises(RefusedError, match=sentence):
        ask_keys(segments, intents, most_usd=1)


def test_no_more_tables_are_made_than_workers_are_to_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is there stays and may grow, who comes first has the room that is left, and the others are counted."""
    given = Precomputing(tmp_path)
    given.run(keys(KIDS))
    monkeypatch.setattr(room, "MAX_LIVE", 1)
    tiers = ("low", "mid", "high", "any")
    asked = keys(KIDS, *(JudgementKey(f"loyal.{tier}.outdoor", "outdoor/kids.any.browsing") for tier in tiers))
    partitions = [partition_of(key.encode(), room.REQUEST_PARTITIONS) for key in asked.keys]
    firsts = [key for n, key in enumerate(asked.keys) if partitions[n] not in partitions[:n]]
    planned = given.plan(asked)
    assert [want.key for want in planned.wants] == firsts
    assert 0 < planned.crowded == len(asked.keys) - len(firsts) == plain(planned, None)["crowded"]
    assert f"{planned.crowded} tables are left out" in "\n".join(planned_lines(planned))
    given.run(asked)
    assert set(given.tables()) == {key.encode().decode() for key in firsts}
