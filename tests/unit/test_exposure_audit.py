"""Exposure held against demand: figures one can work out by hand."""

from collections import Counter
from math import inf, isnan, log2

import numpy as np
import pytest

from models.exposure_audit import (
    amplification,
    coverage,
    examination,
    gini,
    popularity_deciles,
    ratio,
    shares,
    thinned,
)
from models.exposure_course import MOST, Course, rise
from models.filter_bubble import SLATES, Bubbles, likeness
from models.under_exposure import held_against_demand, wilson_low

HOUR_MS = 3_600_000


def rng() -> np.random.Generator:
    """Give equal draws each time."""
    return np.random.default_rng(0)


def test_nothing_counted_is_not_known_rather_than_zero() -> None:
    """No slates, no products, no events."""
    empty = np.array([], np.int64)

    assert isnan(gini(empty))
    assert isnan(gini(np.zeros(3)))
    assert isnan(coverage(empty))
    assert np.isnan(shares(np.zeros(2), np.array([0, 1]), 2)).all()
    assert len(popularity_deciles(empty)) == 0
    assert held_against_demand(np.zeros(2), np.zeros(2, np.int64), np.array([0, 1]), 2, evidence=1) == []


def test_gini_is_that_of_the_definition() -> None:
    """Mean absolute difference of all pairs over twice the mean: (1, 3) differ by 2, the mean is 2."""
    assert gini(np.array([1, 3])) == pytest.approx(0.25)
    assert gini(np.array([7])) == 0.0
    counts = np.array([5, 0, 2, 9, 1])
    pairs = np.abs(counts[:, None] - counts[None, :]).mean()
    assert gini(counts) == pytest.approx(pairs / (2 * counts.mean()))


def test_a_rank_is_looked_at_less_the_lower_it_stands() -> None:
    """As DCG discounts it."""
    assert examination(np.array([1, 2, 7])) == pytest.approx([1, 1 / log2(3), 1 / 3])


def test_deciles_are_equal_parts_and_ties_keep_their_order() -> None:
    """Products, not demand, are cut into tenths."""
    assert popularity_deciles(np.array([1, 9, 1, 5])).tolist() == [5, 0, 7, 2]
    assert Counter(popularity_deciles(np.zeros(20)).tolist()) == dict.fromkeys(range(10), 2)


def test_thinning_draws_what_is_there() -> None:
    """Never more of a product than there was; all where as many are asked for."""
    counts = np.array([100, 0, 10])
    few = thinned(counts, 20, rng())

    assert few.sum() == 20
    assert (few <= counts).all()
    assert thinned(counts, 110, rng()).tolist() == counts.tolist()


def test_exposure_as_demand_is_no_amplification() -> None:
    """Shown ten times as often as touched: the same skew, though plain Ginis of few counts differ."""
    demand = np.arange(1, 101)
    found = amplification(10 * demand, 10.0 * demand, demand, rng())

    assert found.gini_shown == pytest.approx(found.gini_demand)
    assert found.gini_ratio == pytest.approx(1, abs=0.05)
    assert found.top_ratio == pytest.approx(1)


def test_showing_only_what_is_wanted_most_is_amplification() -> None:
    """Ten products, one of them with 19 of 100 touches and 80 of 100 places."""
    demand = np.array([19] + [9] * 9)
    shown = np.array([80] + [4, 2] + [2] * 7)
    found = amplification(shown, shown.astype(float), demand, rng())

    assert found.gini_demand == pytest.approx(0.09)
    assert found.top_demand == pytest.approx(0.19)
    assert found.top_ratio == pytest.approx(80 / 19)
    assert found.gini_ratio == pytest.approx(gini(shown) / 0.09)


def test_a_ratio_to_nothing_is_said() -> None:
    """Equal demand and equal exposure are 1, skewed exposure of equal demand has no bound."""
    assert amplification(np.array([2, 2]), np.array([2.0, 2.0]), np.array([2, 2]), rng()).gini_ratio == 1
    assert amplification(np.array([3, 1]), np.array([3.0, 1.0]), np.array([2, 2]), rng()).gini_ratio == inf
    assert isnan(ratio(float("nan"), 0.0))


def test_a_group_is_held_against_the_demand_that_is_sure() -> None:
    """400 of 1,000 touches and a tenth of the exposure; the group with few touches is left out."""
    groups = np.array([0, 1, 2])
    held = held_against_demand(np.array([10.0, 85.0, 5.0]), np.array([400, 595, 5]), groups, 3, evidence=50)

    assert [one.group for one in held] == [0, 1]
    assert (held[0].shown, held[0].demand, held[0].touches) == (0.1, 0.4, 400)
    assert held[0].ratio == pytest.approx(0.1 / wilson_low(400, 1000))
    assert 0.35 < held[0].sure < 0.4
    assert wilson_low(0, 10) == 0.0


def test_a_course_has_steps_as_long_as_it_needs() -> None:
    """Two weeks of hours become days, and nothing is lost."""
    course = Course(2)
    for hour in range(14 * 24):
        course.take("shown", hour * HOUR_MS, np.array([0, 0, 0, 1]))
    points = course.points(rng())

    assert 8 <= len(points) <= MOST
    assert course.step_ms == 24 * HOUR_MS
    assert [point.shown for point in points] == pytest.approx([0.25] * len(points))
    assert all(isnan(point.demand) for point in points)


def test_a_course_does_not_depend_on_the_order_of_its_log() -> None:
    """Partitions are read one after the other."""
    times = [minute * 60_000 for minute in range(200)]
    courses = [Course(3), Course(3)]
    for course, order in zip(courses, (times, times[::-1]), strict=True):
        for at_ms in order:
            course.take("shown", at_ms, np.array([at_ms // 60_000 % 3]))

    one, other = (np.array(course.points(rng())) for course in courses)
    np.testing.assert_array_equal(one, other)


def test_a_step_with_hardly_anything_in_it_has_no_gini() -> None:
    """It would make every other step as unsure."""
    course = Course(4)
    for at_ms in (0, 0, 120_000, 120_000):
        course.take("shown", at_ms, np.array([0, 1, 2, 3] * 10))
    course.take("shown", 60_000, np.array([0]))

    assert [point.shown for point in course.points(rng())] == pytest.approx([0, float("nan"), 0], nan_ok=True)


def test_a_rise_needs_three_steps() -> None:
    """Nothing rises from one point."""
    assert isnan(rise([0.1, 0.9]))
    assert rise([0.1, 0.4, 0.9]) == pytest.approx(0.8)


def test_likeness_is_the_share_of_equal_pairs() -> None:
    """Of a, a, b, b: 2 of 6."""
    assert likeness(Counter({1: 2, 2: 2})) == pytest.approx(1 / 3)


def test_visitors_who_see_one_category_each_are_in_bubbles() -> None:
    """Within a visitor all is alike, between the two nothing."""
    bubbles = Bubbles()
    for _ in range(3):
        bubbles.take("a", "home", [1, 1])
        bubbles.take("b", "home", [2, 2])
    found = bubbles.result()

    assert found is not None
    assert (found.within, found.between, found.narrowness.value) == (1.0, 0.0, 1.0)
    assert (found.narrowing.value, found.narrowing.low, found.narrowing.high) == (0.0, 0.0, 0.0)


def test_visitors_who_see_the_same_mix_are_in_none() -> None:
    """Many products of two categories, half and half: likeness is one half within and between."""
    bubbles = Bubbles()
    for visitor in "abc":
        bubbles.take(visitor, "home", [1, 2] * 500)
    found = bubbles.result()

    assert found is not None
    assert found.between == pytest.approx(0.5)
    assert found.narrowness.value == pytest.approx(0, abs=0.01)


def test_a_shop_of_one_category_has_no_bubbles() -> None:
    """Nobody could see anything else."""
    bubbles = Bubbles()
    for visitor in "ab":
        bubbles.take(visitor, "home", [1, 1])
    found = bubbles.result()

    assert found is not None
    assert found.narrowness.value == 0.0


def test_one_visitor_cannot_be_compared() -> None:
    """Nor can none, nor visitors of whom one product is known."""
    bubbles = Bubbles()
    assert bubbles.result() is None
    bubbles.take("a", "home", [1, 2, 3])
    bubbles.take("b", "home", [1])
    bubbles.take("c", "home", [])
    assert bubbles.result() is None


def test_slates_that_narrow_have_a_slope() -> None:
    """Likeness 0, 1/3, 1 for one visitor and 0, 0 for another: Sxy 1 of Sxx 2.5."""
    bubbles = Bubbles()
    for categories in ([1, 2, 3], [1, 1, 2], [1, 1, 1]):
        bubbles.take("a", "home", categories)
    for categories in ([1, 2, 3], [4, 5, 6]):
        bubbles.take("b", "home", categories)
    found = bubbles.result()

    assert found is not None
    assert found.narrowing_visitors == 2
    assert found.narrowing.value == pytest.approx(1 / 2.5)
    scores = np.array([1 - 0.4 * 2, -0.4 * 0.5])
    half = 1.96 * np.sqrt((scores**2).sum() * 2) / 2.5
    assert found.narrowing.high - found.narrowing.value == pytest.approx(half)


def test_placements_have_levels_of_their_own() -> None:
    """A cart's slate after a home slate is no narrowing."""
    bubbles = Bubbles()
    for visitor in "ab":
        for _ in range(3):
            bubbles.take(visitor, "home", [1, 2, 3])
        for _ in range(3):
            bubbles.take(visitor, "cart", [1, 1, 1])
    found = bubbles.result()

    assert found is not None
    assert found.narrowing.value == 0.0


def test_a_bot_counts_no_more_than_its_first_slates() -> None:
    """Its thousands would outweigh everybody."""
    once, often = Bubbles(), Bubbles()
    for bubbles, times in ((once, SLATES), (often, 20 * SLATES)):
        bubbles.take("a", "home", [1, 2])
        bubbles.take("a", "home", [1, 1])
        for _ in range(times):
            bubbles.take("bot", "home", [2, 3])

    assert once.result() == often.result()


def test_the_sample_of_visitors_does_not_depend_on_their_order() -> None:
    """Those with the lowest hash stay, with all their slates."""
    names = [f"v{n}" for n in range(50)] * 3
    found = []
    for order in (names, names[::-1]):
        bubbles = Bubbles(visitors=10)
        for name in order:
            bubbles.take(name, "home", [len(name), int(name[1:]) % 3])
        found.append(bubbles.result())

    assert found[0] is not None
    assert found[0].visitors == 10
    assert found[0] == found[1]
