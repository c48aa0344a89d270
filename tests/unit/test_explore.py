"""The exploration slot: where it lies, how likely it was, and that a replay draws the same."""

from collections import Counter

import pytest

from models.explore import FIRST_RANK, LAST_RANK, MIN_POOL_SHARE, POOLS, pick, pool_shares

POOL_SCORES = {"new": [0.9, 0.1], "long_tail": [0.5], "neighbour": [0.2, 0.2, 0.2]}


def test_the_same_slate_draws_the_same() -> None:
    """Randomness comes from the slate id alone."""
    assert pick("s-1-2-home", POOL_SCORES, {}, size=12) == pick("s-1-2-home", POOL_SCORES, {}, size=12)


def test_nothing_to_explore_gives_no_slot() -> None:
    """Empty pools, or a slate too short for rank 4, have no exploration slot."""
    assert pick("s", {}, {}, size=12) is None
    assert pick("s", {"new": []}, {}, size=12) is None
    assert pick("s", POOL_SCORES, {}, size=FIRST_RANK - 1) is None


def test_every_pool_with_candidates_keeps_its_least_share() -> None:
    """Even a pool that never earned a click is drawn 5 % of the time."""
    shares = pool_shares(POOLS, {"new": 0.9})
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= MIN_POOL_SHARE
    assert max(shares, key=shares.__getitem__) == "new"


def test_propensities_are_the_frequencies_of_the_draws() -> None:
    """Over many slates each (pool, product, rank) comes up as often as its propensity says."""
    drawn: Counter[tuple[str, int, int]] = Counter()
    says: dict[tuple[str, int, int], float] = {}
    n = 20_000
    for i in range(n):
        choice = pick(f"s-{i}", POOL_SCORES, {"new": 0.1}, size=12)
        assert choice is not None
        assert FIRST_RANK <= choice.rank <= LAST_RANK
        cell = (choice.pool, choice.index, choice.rank)
        drawn[cell] += 1
        says[cell] = choice.propensity
    assert sum(says.values()) == pytest.approx(1, abs=0.02)
    for cell, chance in says.items():
        assert drawn[cell] / n == pytest.approx(chance, abs=4 * (chance / n) ** 0.5 + 1e-4)
