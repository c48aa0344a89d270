"""The exploration slot: where it lies, how likely it was, and that a replay draws the same."""

from collections import Counter

import pytest

from models.bandit import POOLS, Pool, PoolBandit
from models.explore import FIRST_RANK, LAST_RANK, pick
from models.slate import Request, SlateRules, decide
from tests.shelf import BY_NAME, NOON, Shelf

LEAST_SHARE = 0.05
POOL_SCORES: dict[Pool, list[float]] = {"new": [0.9, 0.1], "long_tail": [0.5], "neighbour": [0.2, 0.2, 0.2]}


def earning(pool: Pool, *, clicks: int = 9, impressions: int = 60) -> PoolBandit:
    """Give a bandit of whose pools one has earned clicks."""
    bandit = PoolBandit()
    for n in range(impressions):
        bandit.learn_one(pool, "impression")
        if n < clicks:
            bandit.learn_one(pool, "click")
    return bandit


def test_the_same_slate_draws_the_same() -> None:
    """Randomness comes from the slate id alone, whatever was drawn before."""
    bandit = PoolBandit()
    first = pick("s-1-2-home", POOL_SCORES, bandit, size=12)
    assert pick("s-1-3-home", POOL_SCORES, bandit, size=12) != first
    assert pick("s-1-2-home", POOL_SCORES, bandit, size=12) == first


def test_nothing_to_explore_gives_no_slot() -> None:
    """Empty pools, or a slate too short for rank 4, have no exploration slot."""
    assert pick("s", {}, PoolBandit(), size=12) is None
    assert pick("s", {"new": []}, PoolBandit(), size=12) is None
    assert pick("s", POOL_SCORES, PoolBandit(), size=FIRST_RANK - 1) is None


@pytest.mark.parametrize("pools", [POOLS, POOLS[:2], POOLS[1:], POOLS[:1]])
def test_every_pool_with_candidates_keeps_its_least_share(pools: tuple[Pool, ...]) -> None:
    """Even a pool that never earned a click is drawn 5 % of the time, and the best one most."""
    shares = earning(pools[-1]).chances(pools)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= LEAST_SHARE
    assert max(shares, key=shares.__getitem__) == pools[-1]


def test_what_clicks_earn_fades() -> None:
    """Of a pool that is no longer clicked another one takes the place."""
    bandit = earning("neighbour")
    assert bandit.estimates()["neighbour"] == pytest.approx(10 / 110, rel=0.05)
    for _ in range(3_000):
        bandit.learn_one("neighbour", "impression")
    assert max(POOLS, key=bandit.chances(POOLS).__getitem__) == "new"


def test_a_restored_bandit_goes_on_alike() -> None:
    """To the last bit, in what it estimates and draws."""
    bandit, again = earning("long_tail"), PoolBandit()
    again.restore(bandit.state())
    for one in (bandit, again):
        one.learn_one("new", "impression")
        one.learn_one("new", "view")
    assert again.estimates() == bandit.estimates()
    assert pick("s", POOL_SCORES, again, size=12) == pick("s", POOL_SCORES, bandit, size=12)


def test_propensities_are_the_frequencies_of_the_draws() -> None:
    """Over many slates each (pool, product, rank) comes up as often as its propensity says."""
    drawn: Counter[tuple[str, int, int]] = Counter()
    says: dict[tuple[str, int, int], float] = {}
    n, bandit = 20_000, earning("new")
    for i in range(n):
        choice = pick(f"s-{i}", POOL_SCORES, bandit, size=12)
        assert choice is not None
        assert FIRST_RANK <= choice.rank <= LAST_RANK
        cell = (choice.pool, choice.index, choice.rank)
        drawn[cell] += 1
        says[cell] = choice.propensity
    assert sum(says.values()) == pytest.approx(1, abs=0.02)
    for cell, chance in says.items():
        assert drawn[cell] / n == pytest.approx(chance, abs=4 * (chance / n) ** 0.5 + 1e-4)


def test_slates_log_the_propensity_they_were_decided_with() -> None:
    """Through filters, diversity and caps: pools, ranks and products of a shop's slates come up as often as logged."""
    shelf, n = Shelf(each=60), 1_000
    shelf.knowledge.model.bandit = earning("neighbour")
    known = [f"{name}{at}" for name in ("boots", "tents") for at in range(60)]
    shelf.browse(*known * 5)
    context = shelf.context("boots0")
    candidates = shelf.candidates(context)
    drawn: Counter[tuple[str, str]] = Counter()
    ranks: Counter[int] = Counter()
    chance: dict[tuple[str, str], float] = {}
    shares: dict[str, float] = {}
    for i in range(n):
        request = Request(f"s-0-{i}-home-0000", BY_NAME["home"], context, (), NOON)
        decision = decide(request, candidates, shelf.knowledge, SlateRules())
        explored = decision.explored
        assert explored is not None
        cell = (explored.pool, decision.items[explored.rank - 1]["product_id"])
        drawn[cell] += 1
        ranks[explored.rank] += 1
        chance[cell] = explored.propensity * (LAST_RANK - FIRST_RANK + 1)
        shares |= explored.shares
    assert set(shares) == set(POOLS)
    assert sum(shares.values()) == pytest.approx(1)
    for counts, chances in (
        (drawn, chance),
        (ranks, dict.fromkeys(range(FIRST_RANK, LAST_RANK + 1), 1 / 7)),
        (Counter(pool for pool, _ in drawn.elements()), shares),
    ):
        for cell, share in chances.items():
            assert counts[cell] / n == pytest.approx(share, abs=4 * (share / n) ** 0.5 + 3 / n)
