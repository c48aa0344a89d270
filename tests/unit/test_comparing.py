"""Two settings over one log: what differs is told, what does not is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.constants import Constants
from schemas.errors import RefusedError
from streams.evaluation.beside import beside, constants_named
from streams.evaluation.comparing import compare
from streams.evaluation.plan import Plan
from streams.evaluation.running import Evaluation, Outcome
from streams.pages.page import Page
from tests.small_log import SMALL, Silent, opened_with, plan_of, visits

FORGETFUL = replace(SMALL, sessions=1, slots=1, transition_slots=1, window=1, bpr_lr=0.0001)
"""One session is remembered, and of each product one other that went with it; vectors hardly move."""


def run(plan: Plan) -> Outcome:
    """Evaluate without vectors."""
    return Evaluation(plan, Silent(), opened=opened_with(vectors=False)).run()


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Plan for a log whose visits can be foretold by those before them."""
    return plan_of(visits(tmp_path_factory.mktemp("log"), count=60))


@pytest.fixture(scope="module")
def outcome(plan: Plan) -> Outcome:
    """Evaluate it."""
    return run(plan)


def test_equal_settings_do_not_differ(plan: Plan, outcome: Outcome) -> None:
    """By nothing, in no measure of any ranker, and no test finds anything."""
    compared = compare(outcome, run(plan))
    assert [(one.protocol, one.table) for one in compared] == [
        ("prequential", "next click"),
        ("prequential", "first click"),
        ("prequential", "cold products"),
    ]
    for one in compared:
        for measures in one.rankers.values():
            assert {(pair.paired.difference, pair.paired.p) for pair in measures.values()} == {(0.0, 1.0)}


def test_a_model_that_remembers_next_to_nothing_is_found_worse(plan: Plan, outcome: Outcome) -> None:
    """In the visits, where it is what others looked at next that has to be known."""
    forgetful = run(replace(plan, constants=Constants(model=FORGETFUL)))
    clicks = compare(outcome, forgetful)[0].rankers["blend"]
    for measure in ("hr", "mrr", "ndcg", "recall", "precision"):
        first, second, paired = clicks[measure]
        assert paired.difference == pytest.approx(first - second)
        assert paired.low > 0
        assert paired.p < 0.01


def test_other_questions_are_refused(tmp_path: Path) -> None:
    """Where sessions end sooner, the same click begins one: nothing is compared."""
    plan = plan_of(visits(tmp_path, count=20, key="user"))
    sooner = Constants(session=replace(plan.constants.session, session_ms=60_000), model=SMALL)
    with pytest.raises(RefusedError, match=r"not asked the same: queries of .*agree on those"):
        compare(run(plan), run(replace(plan, constants=sooner)))


def test_a_comparison_is_told_in_three_ways(plan: Plan, outcome: Outcome, tmp_path: Path) -> None:
    """The lines, the JSON and the page say the same of the same settings."""
    file = tmp_path / "other.toml"
    file.write_text("[model]\npair_limit = 1\n")
    found = beside(plan, outcome, Silent(), against=str(file))
    assert next(found.lines()) == f"defaults against {file}; a difference above 0 speaks for defaults."
    comparison = found.summary()["comparison"]
    assert isinstance(comparison, dict)
    hr = comparison["protocols"]["prequential"]["next click"]["rankers"]["blend"]["hr@3"]
    assert hr["difference"] == pytest.approx(hr["first"] - hr["second"], abs=1e-4)
    page = Page("x")
    found.add_to(page)
    assert page.html().count("<svg") == len(comparison["protocols"]["prequential"])


def test_constants_are_those_of_a_file_or_the_defaults(tmp_path: Path) -> None:
    """A file that is not there is refused in a sentence."""
    assert constants_named("defaults") == Constants()
    with pytest.raises(RefusedError, match="cannot be read"):
        constants_named(str(tmp_path / "none.toml"))
