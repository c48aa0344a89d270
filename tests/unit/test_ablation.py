"""The engine without each of its parts: the same as an engine that never had them, and worse where they matter."""

from typing import Any

import numpy as np
import pytest

from models.model import Model, Query, Ranked
from streams.evaluation.ablation import Ablated, ablated
from streams.evaluation.ablation_told import ablation_lines, ablation_summary, add_ablation, paragraph
from streams.evaluation.lists import BLEND
from streams.evaluation.running import Evaluation, Outcome
from streams.pages.page import Page
from streams.sources.event_file import EventFile
from tests.small_log import Silent, opened_with, plan_of, visits

KNN = "session_knn"


class Lonely(Model):
    """A model that is never told of sessions like this one."""

    def candidates(self, query: Query, **more: Any) -> dict[str, Ranked]:
        """Leave the neighbours out."""
        return {source: ranked for source, ranked in super().candidates(query, **more).items() if source != KNN}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> EventFile:
    """Write a log in which visits tell of half the next ones, and vectors alone of the others."""
    return visits(tmp_path_factory.mktemp("log"), 60, new=True)


@pytest.fixture(scope="module")
def outcome(file: EventFile) -> Outcome:
    """Evaluate it with everything, and without each part, in one pass."""
    plan = plan_of(file, ablation=True, protocols=("static", "prequential"))
    return Evaluation(plan, Silent(), opened=opened_with(vectors=True)).run()


@pytest.fixture(scope="module")
def clicks(outcome: Outcome) -> Ablated:
    """Take the table of clicks within a visit."""
    return next(one for one in ablated(outcome) if (one.protocol, one.table) == ("prequential", "next click"))


def column(outcome: Outcome, ranker: str) -> np.ndarray:
    """Join the values of a ranker in all tables."""
    tables = [table.trials for found in outcome.tables.values() for table in found]
    return np.concatenate([trials.values[:, trials.rankers.index(ranker)] for trials in tables])


def test_a_part_left_out_is_an_engine_that_never_had_it(file: EventFile, outcome: Outcome) -> None:
    """Query by query, in all measures: its blend learned from its own rows."""
    plan = plan_of(file, protocols=("static", "prequential"))
    other = Evaluation(plan, Silent(), opened=opened_with(vectors=False)).run()
    assert np.array_equal(column(outcome, "without content"), column(other, BLEND))
    assert not np.array_equal(column(outcome, "without content"), column(outcome, BLEND))


def test_a_source_left_out_is_a_model_that_never_gave_it(file: EventFile, outcome: Outcome) -> None:
    """Here others stand in for the neighbours, and both come to the same."""
    plan = plan_of(file, protocols=("static", "prequential"))
    other = Evaluation(plan, Silent(), opened=opened_with(Lonely, vectors=True)).run()
    assert np.array_equal(column(outcome, f"without {KNN}"), column(other, BLEND))


def test_the_variants_leave_the_engine_as_it_is(file: EventFile, outcome: Outcome) -> None:
    """It answers as it does when nothing else is asked."""
    plan = plan_of(file, protocols=("static", "prequential"))
    alone = Evaluation(plan, Silent(), opened=opened_with(vectors=True)).run()
    assert np.array_equal(column(outcome, BLEND), column(alone, BLEND))
    assert outcome.weights == alone.weights


def test_what_matters_by_construction_is_found_to_matter(clicks: Ablated) -> None:
    """Vectors alone can tell here: as a layer, and as a part that is left out."""
    layer = next(one for one in clicks.added if one.name == "embeddings").measures["hr"].paired
    part = next(one for one in clicks.removed if one.name == "content").measures["hr"].paired
    assert layer.low > 0
    assert part.low > 0
    assert max(layer.p, part.p) < 0.01


def test_the_layers_add_up(clicks: Ablated) -> None:
    """From popularity to the blend, each begins where the one before ended."""
    names = [one.name for one in clicks.added]
    assert names[1:] == [
        "all collaborative sources",
        "embeddings",
        "words and new products",
        "session weights",
        "learned weights",
    ]
    for measure in ("hr", "ndcg"):
        ends = [(one.measures[measure].second, one.measures[measure].first) for one in clicks.added]
        assert [first for _, first in ends[:-1]] == [second for second, _ in ends[1:]]


def test_an_ablation_is_told_in_three_ways(outcome: Outcome, clicks: Ablated) -> None:
    """In lines that fit, in JSON, and on a page with plots; the paragraph is in all of them."""
    every = ablated(outcome)
    lines = list(ablation_lines(every, 3, log="a log"))
    text = paragraph(clicks, 3, log="a log")
    assert text in lines
    assert text.startswith("On a log (next click, prequential, 60 queries) popularity has HR@3 .")
    assert "embeddings moved HR@3 by +" in text
    assert "Earning their keep: " in text
    assert max(len(line) for line in lines if line.startswith("  ")) <= 100
    assert ablation_summary(every, 3, log="a log")["prequential"]["next click"]["paragraph"] == text  # type: ignore[index]
    page = Page("x")
    add_ablation(page, [clicks], 3, log="a log")
    assert page.html().count("<svg") == 4
