"""Qualities of lists: degenerate cases first, then against the formulas written out."""

from itertools import combinations
from math import isnan, log2

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_distances

from models.beyond_accuracy import BeyondAccuracy, Qualities, gini

LEARNED = np.array([8, 4, 2, 1, 0, 0], np.int64)
ALL = np.arange(6)


def qualities(
    *lists: list[int],
    k: int = 4,
    catalogue: np.ndarray = ALL,
    learned: np.ndarray = LEARNED,
    vectors: np.ndarray | None = None,
    categories: np.ndarray | None = None,
) -> Qualities:
    """Look at some lists."""
    seen = BeyondAccuracy(k=k, vectors=vectors, categories=categories)
    for listed in lists:
        seen.add(listed, learned=learned, total=int(learned.sum()))
    return seen.result(catalogue)


@pytest.mark.parametrize("lists", [(), ([],), ([], [])])
def test_without_listed_products_only_coverage_is_known(lists: tuple[list[int], ...]) -> None:
    """It is nothing; empty lists say nothing of what lists are like."""
    found = qualities(*lists, categories=ALL)
    assert (found.lists, found.coverage) == (0, 0.0)
    unknown = (found.gini, found.popularity, found.novelty, found.diversity, found.cold)
    assert all(isnan(figure) for figure in unknown)


def test_an_empty_catalogue_has_no_coverage() -> None:
    """Nor any inequality."""
    found = qualities([1], catalogue=np.empty(0, np.int64))
    assert isnan(found.coverage)
    assert isnan(found.gini)


def test_one_product_for_everybody_is_the_most_unequal() -> None:
    """A sixth of the catalogue gets all places."""
    found = qualities([0], [0], [0])
    assert (found.lists, found.coverage, found.gini) == (3, pytest.approx(1 / 6), pytest.approx(1.0))


def test_all_products_alike_are_equal() -> None:
    """Whatever their order."""
    found = qualities([0, 1, 2], [5, 4, 3])
    assert (found.coverage, found.gini) == (1.0, 0.0)


def test_a_list_of_one_product_has_no_diversity() -> None:
    """There is no pair; such lists do not count for it."""
    assert isnan(qualities([0], categories=ALL).diversity)
    assert qualities([0], [1, 2], categories=ALL).diversity == 1.0


def test_a_repeated_product_counts_once() -> None:
    """And the places of its repetitions are nobody's."""
    assert qualities([0, 0, 1, 1], categories=ALL) == qualities([0, 1], categories=ALL)


def test_products_beyond_k_do_not_count() -> None:
    """And a k beyond the list changes nothing."""
    assert qualities([0, 1, 2, 3], k=2) == qualities([0, 1], k=9)


def test_an_array_is_counted_as_a_list() -> None:
    """Whatever its type of integer."""
    seen = BeyondAccuracy(k=4)
    seen.add(np.array([0, 3], np.int32), learned=LEARNED, total=15)
    assert repr(seen.result(ALL)) == repr(qualities([0, 3]))


@pytest.mark.parametrize("item", [6, -1])
def test_an_unknown_item_is_refused_and_its_list_not_counted(item: int) -> None:
    """Nothing of the list is."""
    seen = BeyondAccuracy(k=4)
    with pytest.raises(ValueError, match=f"item {item} is not known: `learned` counts items 0 to 5"):
        seen.add([0, item], learned=LEARNED, total=15)
    assert (seen.result(ALL).lists, seen.result(ALL).coverage) == (0, 0.0)


def test_k_below_one_is_refused() -> None:
    """There is no rank 0."""
    with pytest.raises(ValueError, match="k must be"):
        BeyondAccuracy(k=0)


def test_popularity_and_cold_are_means_over_lists() -> None:
    """A long list weighs as a short one: (8 + 4) / 2 and 0 events; one in two and one in one cold."""
    found = qualities([0, 1], [5])
    assert (found.popularity, found.cold) == (3.0, 0.75)


def test_novelty_is_the_smoothed_share_in_bits() -> None:
    """A product without events has the share of half an event's product; none is infinitely new."""
    assert qualities([0]).novelty == pytest.approx(-log2(9 / 21))
    assert qualities([4]).novelty == pytest.approx(-log2(1 / 21))


def test_events_are_those_at_the_time_of_the_list() -> None:
    """What is learned later makes an old list no less new, and the catalogue may grow."""
    seen = BeyondAccuracy(k=4)
    seen.add([0], learned=np.array([0], np.int64), total=0)
    seen.add([1], learned=np.array([9, 9], np.int64), total=18)
    found = seen.result(np.arange(2))
    assert (found.cold, found.popularity, found.coverage) == (0.5, 4.5, 1.0)


def test_diversity_says_what_it_was_taken_from() -> None:
    """Vectors if there are any, else categories."""
    vectors = np.eye(6, dtype=np.float32)
    assert qualities([0, 1], vectors=vectors, categories=ALL).diversity_by == "vectors"
    assert qualities([0, 1], categories=ALL).diversity_by == "categories"
    assert (qualities([0, 1]).diversity_by, isnan(qualities([0, 1]).diversity)) == ("nothing", True)


def test_products_without_vector_or_category_are_left_out_of_the_pairs() -> None:
    """They are neither like nor unlike the others."""
    vectors = np.array([[1, 0], [0, 1], [0, 0], [0, -1]], np.float32)
    assert qualities([0, 1, 2, 5], vectors=vectors).diversity == pytest.approx(1.0)
    assert qualities([1, 2, 3, 4], vectors=vectors).diversity == pytest.approx(2.0)
    assert qualities([0, 1, 2, 5], categories=np.array([7, 7, -1])).diversity == 0.0


def test_equal_vectors_have_no_diversity() -> None:
    """Not even a rounding error below 0."""
    vectors = np.full((6, 3), 3**-0.5, np.float32)
    assert qualities([0, 1, 2], vectors=vectors).diversity == pytest.approx(0.0, abs=1e-6)
    assert qualities([0, 1, 2], vectors=vectors).diversity >= 0.0


def test_vector_diversity_is_the_mean_cosine_distance_of_scikit_learn() -> None:
    """Over the pairs of random lists."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    lists = [rng.choice(50, 10, replace=False).tolist() for _ in range(20)]
    expected = np.mean([cosine_distances(vectors[listed])[np.triu_indices(10, 1)].mean() for listed in lists])
    learned = np.zeros(50, np.int64)
    assert qualities(*lists, k=10, learned=learned, vectors=vectors).diversity == pytest.approx(expected, abs=1e-6)


def test_category_diversity_is_the_share_of_unlike_pairs() -> None:
    """Over the pairs of random lists."""
    rng = np.random.default_rng(5)
    categories = rng.integers(0, 4, 50)
    lists = [rng.choice(50, 10, replace=False).tolist() for _ in range(20)]
    pairs = [[categories[a] != categories[b] for a, b in combinations(listed, 2)] for listed in lists]
    learned = np.zeros(50, np.int64)
    found = qualities(*lists, k=10, learned=learned, categories=categories).diversity
    assert found == pytest.approx(np.mean(pairs))


def test_gini_is_half_the_relative_mean_difference() -> None:
    """By its other definition, over all ordered pairs of two different products."""
    counts = np.random.default_rng(5).integers(0, 30, 40)
    differences = np.abs(counts[:, None] - counts[None, :]).sum()
    assert gini(counts) == pytest.approx(differences / (2 * 40 * 39 * counts.mean()))
