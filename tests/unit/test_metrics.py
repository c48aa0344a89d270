"""Metrics: degenerate cases first, then against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from models.metrics import HitRate, Metric, NormalisedGain, Precision, Recall, ReciprocalRank

ALL = (HitRate, ReciprocalRank, NormalisedGain, Precision, Recall)


def result(kind: type[Metric], k: int, ranking: list[str], relevant: set[str]) -> float:
    """Score one query."""
    metric = kind(k)
    metric.add(ranking, relevant)
    return metric.result()


@pytest.mark.parametrize("kind", ALL)
def test_a_metric_without_queries_is_zero(kind: type[Metric]) -> None:
    """Nothing asked, nothing found."""
    assert kind(20).result() == 0.0


@pytest.mark.parametrize("kind", ALL)
def test_an_empty_ranking_scores_zero_and_counts(kind: type[Metric]) -> None:
    """Having no answer is a wrong answer."""
    metric = kind(20)
    metric.add([], {"a"})
    assert (metric.queries, metric.result()) == (1, 0.0)


@pytest.mark.parametrize("kind", ALL)
def test_a_query_with_nothing_right_is_not_counted(kind: type[Metric]) -> None:
    """No ranking could have answered it."""
    metric = kind(20)
    metric.add(["a"], set())
    assert metric.queries == 0


@pytest.mark.parametrize("kind", ALL)
def test_k_below_one_is_refused(kind: type[Metric]) -> None:
    """There is no rank 0."""
    with pytest.raises(ValueError, match="k must be"):
        kind(0)


@pytest.mark.parametrize(("kind", "expected"), list(zip(ALL, (1.0, 1.0, 1.0, 0.1, 1.0), strict=True)))
def test_k_beyond_the_ranking_only_costs_precision(kind: type[Metric], expected: float) -> None:
    """Places a short ranking leaves empty are misses for precision alone."""
    assert result(kind, 10, ["a"], {"a"}) == pytest.approx(expected)


@pytest.mark.parametrize(("kind", "expected"), list(zip(ALL, (1.0, 1.0, 1.0, 0.25, 1.0), strict=True)))
def test_a_repeated_hit_counts_once(kind: type[Metric], expected: float) -> None:
    """Saying the right thing four times is saying it once."""
    assert result(kind, 4, ["a", "a", "a", "a"], {"a"}) == pytest.approx(expected)


def test_a_hit_beyond_k_is_none() -> None:
    """Rank k + 1 does not count."""
    assert result(HitRate, 2, ["a", "b", "c"], {"c"}) == 0.0


def test_mrr_takes_the_first_hit() -> None:
    """Later hits change nothing."""
    assert result(ReciprocalRank, 20, ["x", "a", "b"], {"a", "b"}) == 0.5


def test_names_carry_k() -> None:
    """A table's heading says where the ranking was cut."""
    assert [kind(20).name for kind in ALL] == ["HR@20", "MRR@20", "nDCG@20", "precision@20", "recall@20"]


def test_ndcg_is_that_of_scikit_learn() -> None:
    """On random rankings with random right answers, at several k."""
    rng = np.random.default_rng(7)
    for _ in range(50):
        n, k = int(rng.integers(2, 40)), int(rng.integers(1, 25))
        relevance = rng.integers(0, 2, n)
        if not relevance.any():
            continue
        order = rng.permutation(n)
        scores = np.empty(n)
        scores[order] = np.arange(n, 0, -1)
        ours = result(NormalisedGain, k, [str(i) for i in order], {str(i) for i in np.flatnonzero(relevance)})
        assert ours == pytest.approx(ndcg_score([relevance], [scores], k=k))
