"""Trials: degenerate queries first, then what is kept of each."""

import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score, precision_score, recall_score

from models.trials import MEASURES, TrialLog, Trials

Rankings = dict[str, list[int] | np.ndarray]


def add(log: TrialLog, rankings: Rankings, relevant: set[int], unit: int = 1) -> None:
    """Log a query whose kind does not matter."""
    log.add(
        unit=unit,
        query=0,
        relevant=relevant,
        rankings=rankings,
        length=1,
        returning=False,
        decile=1,
        cold=False,
        first=False,
    )


def values(ranking: list[int] | np.ndarray, relevant: set[int], k: int = 4) -> dict[str, float]:
    """Score one list."""
    log = TrialLog(["r"], k=k)
    add(log, {"r": ranking}, relevant)
    return dict(zip(MEASURES, log.frozen().values[0, 0].tolist(), strict=True))


@pytest.mark.parametrize("ranking", [[], [7, 8, 9], np.array([], np.int32)])
def test_nothing_right_is_zero_in_all_measures(ranking: list[int]) -> None:
    """An empty list is as wrong as a wrong one."""
    assert values(ranking, {1}) == dict.fromkeys(MEASURES, 0.0)


def test_everything_right_is_one_in_all_measures() -> None:
    """The k places hold what was right, in any order."""
    assert values([3, 1, 4, 2], {1, 2, 3, 4}) == dict.fromkeys(MEASURES, 1.0)


def test_k_beyond_the_list_only_costs_precision() -> None:
    """Places a short list leaves empty are misses for precision alone."""
    assert values([1], {1}, k=10) == {**dict.fromkeys(MEASURES, 1.0), "precision": pytest.approx(0.1)}


@pytest.mark.parametrize("relevant", [{1}, {1, 2}])
def test_a_repeated_item_counts_once_at_its_first_rank(relevant: set[int]) -> None:
    """Its repetitions still take up places."""
    found = values([9, 1, 1, 1], relevant)
    assert (found["mrr"], found["precision"], found["recall"]) == (0.5, 0.25, 1 / len(relevant))


def test_a_hit_beyond_k_is_none() -> None:
    """Rank k + 1 does not count."""
    assert values([7, 8, 1], {1}, k=2)["hr"] == 0.0


def test_an_array_scores_as_a_list() -> None:
    """Whatever its type of integer."""
    assert values(np.array([5, 1, 2], np.int32), {1, 2}) == values([5, 1, 2], {1, 2})


def test_a_ranker_without_an_answer_scores_zero() -> None:
    """And stands in its own column."""
    log = TrialLog(["a", "b"], k=2)
    add(log, {"b": [1]}, {1})
    assert log.frozen().of("hr").tolist() == [[0.0, 1.0]]


def test_a_query_with_nothing_right_is_not_counted() -> None:
    """No ranking could have answered it."""
    log = TrialLog(["r"], k=2)
    add(log, {"r": [1]}, set())
    assert len(log) == len(log.frozen()) == 0


def test_a_log_without_queries_has_arrays_of_none() -> None:
    """Their shapes still tell the rankers and measures."""
    trials = TrialLog(["a", "b"], k=2).frozen()
    assert trials.values.shape == (0, 2, 5)
    assert trials.returning.shape == (0,)


def test_what_kind_of_query_it_was_is_kept() -> None:
    """One row a query, in order, in the types that were promised."""
    log = TrialLog(["r"], k=2)
    log.add(
        unit=2**62,
        query=-(2**63),
        relevant=[1],
        rankings={},
        length=70_000,
        returning=True,
        decile=10,
        cold=False,
        first=False,
    )
    log.add(unit=-5, query=7, relevant=[1], rankings={}, length=0, returning=False, decile=0, cold=True, first=True)
    trials = log.frozen()
    kept = {
        name: getattr(trials, name) for name in ("units", "queries", "length", "decile", "returning", "cold", "first")
    }
    assert {name: (column.dtype, column.tolist()) for name, column in kept.items()} == {
        "units": (np.int64, [2**62, -5]),
        "queries": (np.int64, [-(2**63), 7]),
        "length": (np.int32, [70_000, 0]),
        "decile": (np.int8, [10, 0]),
        "returning": (np.bool_, [True, False]),
        "cold": (np.bool_, [False, True]),
        "first": (np.bool_, [False, True]),
    }


def test_a_ranking_of_a_ranker_that_is_not_compared_is_refused() -> None:
    """A misspelt name would score 0 unseen."""
    with pytest.raises(ValueError, match="not compared here: covsi"):
        add(TrialLog(["covis"], k=2), {"covsi": [1]}, {1})


def test_two_rankers_of_one_name_are_refused() -> None:
    """Nobody could tell their columns apart."""
    with pytest.raises(ValueError, match="distinct names, not a, a"):
        TrialLog(["a", "a"], k=2)


def test_a_log_takes_no_query_while_its_trials_are_held() -> None:
    """They are its own memory; nothing is half added."""
    log = TrialLog(["r"], k=2)
    add(log, {"r": [1]}, {1})
    trials: Trials | None = log.frozen()
    with pytest.raises(BufferError):
        add(log, {"r": [1]}, {1})
    assert trials is not None
    assert len(trials) == len(log) == 1
    trials = None
    add(log, {"r": [1]}, {1})
    assert len(log.frozen()) == 2


def test_a_query_of_fifteen_rankers_takes_316_bytes() -> None:
    """300,000 of them fit into 100 MB."""
    log = TrialLog([str(i) for i in range(15)], k=20)
    for unit in range(2000):
        add(log, {}, {1}, unit)
    columns = [log._values, log._units, log._length, log._returning, log._decile, log._cold, log._first]
    held = sum(column.__sizeof__() for column in columns) / 2000
    assert 316 <= held < 316 * 1.1


def test_values_are_those_of_scikit_learn() -> None:
    """On random orders of 30 items with random right answers; the reciprocal rank where one is right."""
    rng = np.random.default_rng(7)
    for size in (1, 1, 1, 2, 3, 5, 8):
        relevance = np.zeros(30, np.int64)
        relevance[rng.choice(30, size, replace=False)] = 1
        order, k = rng.permutation(30), int(rng.integers(5, 30))
        scores = np.empty(30)
        scores[order] = np.arange(30, 0, -1)
        listed = (scores > 30 - k).astype(np.int64)
        ours = values(order, set(np.flatnonzero(relevance).tolist()), k)
        assert ours["ndcg"] == pytest.approx(ndcg_score([relevance], [scores], k=k))
        assert ours["recall"] == pytest.approx(recall_score(relevance, listed))
        assert ours["precision"] == pytest.approx(precision_score(relevance, listed))
        if size == 1:
            alone = label_ranking_average_precision_score([relevance], [scores])
            assert ours["mrr"] == pytest.approx(alone if ours["hr"] else 0.0)
