"""Intervals and the paired test: degenerate cases, then what they promise, on simulated clusters."""

from math import isnan

import numpy as np
import pytest

from models.intervals import Interval, Paired, intervals, paired, paired_columns


def column(*values: float) -> np.ndarray:
    """Make one column of values."""
    return np.array(values)[:, None]


def clustered(rng: np.random.Generator, units: int, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw values that are alike within a unit, around 0, and their units (1 to 5 queries each)."""
    sizes = rng.integers(1, 6, units)
    unit = np.repeat(np.arange(units), sizes)
    return rng.normal(size=units)[unit] * spread + rng.normal(size=len(unit)) * 0.5, unit


def test_without_queries_nothing_is_known() -> None:
    """Not even a mean; the test has no reason to reject."""
    (found,) = intervals(np.empty((0, 1)), np.empty(0, np.int64), seed=1)
    compared = paired(np.empty(0), np.empty(0), np.empty(0, np.int64), seed=1)
    assert all(isnan(part) for part in (found.mean, found.low, found.high, compared.difference))
    assert compared.p == 1.0


def test_one_unit_has_a_mean_without_bounds() -> None:
    """Many queries of one visitor do not tell how visitors differ."""
    (found,) = intervals(column(0, 1, 1, 1), np.zeros(4, np.int64), seed=1)
    assert found.mean == 0.75
    assert isnan(found.low)
    assert isnan(found.high)
    compared = paired(np.ones(4), np.zeros(4), np.zeros(4, np.int64), seed=1)
    assert (compared.difference, isnan(compared.low), compared.p) == (1.0, True, 1.0)


def test_equal_values_have_an_interval_of_no_width() -> None:
    """Every draw has the same mean."""
    assert intervals(column(1, 1, 1), np.arange(3), seed=1) == [Interval(1.0, 1.0, 1.0)]


def test_no_columns_give_no_intervals() -> None:
    """Nobody was compared."""
    assert intervals(np.empty((3, 0)), np.arange(3), seed=1) == []


def test_equal_rankers_do_not_differ() -> None:
    """There is no unit whose sign would matter."""
    assert paired(np.ones(9), np.ones(9), np.arange(9), seed=1) == Paired(0.0, 0.0, 0.0, 1.0)


def test_columns_are_compared_as_each_alone() -> None:
    """The draws are shared, so that a column does not depend on its neighbours."""
    rng = np.random.default_rng(5)
    a, units = clustered(rng, 40)
    b = a + rng.normal(size=len(a))
    both = paired_columns(np.column_stack([a, b]), np.column_stack([b, a]), units, seed=1, repeats=99)
    assert both == [paired(a, b, units, seed=1, repeats=99), paired(b, a, units, seed=1, repeats=99)]


def test_values_and_units_of_other_lengths_are_refused() -> None:
    """In a sentence."""
    with pytest.raises(ValueError, match="not 3 values and 2 units"):
        intervals(column(1, 2, 3), np.arange(2), seed=1)
    with pytest.raises(ValueError, match="not 3 and 2"):
        paired(np.ones(3), np.ones(2), np.arange(3), seed=1)


def test_the_mean_is_that_of_queries_not_of_units() -> None:
    """A long session weighs by its queries."""
    assert intervals(column(1, 1, 1, 0), np.array([7, 7, 7, 8]), seed=1)[0].mean == 0.75


def test_one_seed_gives_one_answer_whatever_the_order_of_queries() -> None:
    """And another seed another one."""
    values, units = clustered(np.random.default_rng(3), 40)
    shuffled = np.random.default_rng(4).permutation(len(values))
    first = intervals(values[:, None], units, seed=5)[0]
    again = intervals(values[shuffled][:, None], units[shuffled], seed=5)[0]
    assert (first.low, first.high) == pytest.approx((again.low, again.high))
    assert intervals(values[:, None], units, seed=6)[0].low != first.low


def test_a_column_has_the_same_interval_beside_others() -> None:
    """All columns share the draws."""
    values, units = clustered(np.random.default_rng(3), 40)
    both = intervals(np.column_stack([values, values * 2 + 1]), units, seed=5)
    alone = intervals(values[:, None], units, seed=5)[0]
    assert (both[0].low, both[0].high) == pytest.approx((alone.low, alone.high))
    assert (both[1].low, both[1].high) == pytest.approx((alone.low * 2 + 1, alone.high * 2 + 1))


def test_draws_in_chunks_are_the_draws_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many are held at a time changes nothing."""
    values, units = clustered(np.random.default_rng(3), 40)
    at_once = intervals(values[:, None], units, seed=5)[0], paired(values, values * 0, units, seed=5).p
    monkeypatch.setattr("models.intervals.CHUNK_CELLS", 7 * 40)
    chunked = intervals(values[:, None], units, seed=5)[0], paired(values, values * 0, units, seed=5).p
    assert (chunked[0].low, chunked[0].high, chunked[1]) == pytest.approx((at_once[0].low, at_once[0].high, at_once[1]))


def test_queries_of_one_unit_each_have_the_interval_of_scipy() -> None:
    """Without clusters it is the plain percentile bootstrap, up to chance."""
    from scipy.stats import bootstrap

    values = np.random.default_rng(2).random(200)
    theirs = bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1))
    (ours,) = intervals(values[:, None], np.arange(200), seed=1, repeats=4000)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.05 * width)


def test_19_of_20_intervals_hold_the_true_mean_of_clustered_queries() -> None:
    """Two of three would, if queries were taken for independent."""
    rng = np.random.default_rng(11)
    held = 0
    for seed in range(200):
        values, units = clustered(rng, 60)
        (found,) = intervals(values[:, None], units, seed=seed, repeats=200)
        held += found.low <= 0 <= found.high
    assert 0.91 <= held / 200 <= 0.98


def test_a_test_at_5_percent_rejects_1_true_null_in_20() -> None:
    """One in four it would, if queries were taken for independent."""
    rng = np.random.default_rng(13)
    rejected = 0
    for seed in range(200):
        values, units = clustered(rng, 40)
        rejected += paired(values, np.zeros(len(values)), units, seed=seed, repeats=99).p <= 0.05
    assert 0.02 <= rejected / 200 <= 0.09


def test_a_clear_difference_is_found_and_its_p_is_never_zero() -> None:
    """At best one in all draws and the observed one."""
    values, units = clustered(np.random.default_rng(3), 100, spread=0.2)
    found = paired(values + 1, values * 0, units, seed=1)
    assert found.low > 0
    assert found.p == 1 / 1001


def test_swapping_the_rankers_turns_the_sign() -> None:
    """The test is two-sided."""
    values, units = clustered(np.random.default_rng(3), 50)
    one, other = paired(values, values * 0, units, seed=1), paired(values * 0, values, units, seed=1)
    assert (other.difference, other.low, other.high) == pytest.approx((-one.difference, -one.high, -one.low), abs=0.03)
    assert other.p == one.p
