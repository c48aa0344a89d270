"""The exploration slot: one product that the blend would not have shown, with the probability that it was."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Pool = Literal["new", "long_tail", "neighbour"]
POOLS: tuple[Pool, ...] = ("new", "long_tail", "neighbour")
FIRST_RANK, LAST_RANK = 4, 10
MIN_POOL_SHARE = 0.05
EPSILON = 0.2


@dataclass(frozen=True)
class Pick:
    """What was chosen: `index` into the pool's candidates, 1-based `rank`, and how likely that was."""

    pool: Pool
    index: int
    rank: int
    propensity: float


def random_of(slate_id: str) -> Random:
    """Seed a generator from a slate's id, so that a replay draws the same."""
    return Random(int.from_bytes(hashlib.blake2b(slate_id.encode(), digest_size=8).digest()))


def pool_shares(pools: Sequence[Pool], reward: Mapping[str, float]) -> dict[Pool, float]:
    """Split probability over the pools that have candidates: epsilon-greedy, each at least 5 %.

    >>> pool_shares(("new", "long_tail"), {"new": 0.02, "long_tail": 0.01})
    {'new': 0.9, 'long_tail': 0.1}
    """
    if not pools:
        return {}
    best = max(pools, key=lambda pool: (reward.get(pool, 0.0), -POOLS.index(pool)))
    other = max(EPSILON / len(pools), MIN_POOL_SHARE)
    return {pool: round(1 - other * (len(pools) - 1), 6) if pool == best else other for pool in pools}


def softmax(scores: Sequence[float], temperature: float = 0.25) -> list[float]:
    """Turn scores into probabilities that sum to 1.

    >>> [round(p, 3) for p in softmax([1.0, 1.0])]
    [0.5, 0.5]
    """
    top = max(scores)
    exps = [math.exp((score - top) / temperature) for score in scores]
    total = sum(exps)
    return [value / total for value in exps]


def explored_rank(slate_id: str, size: int) -> int:
    """Tell, from a slate's id alone, at which rank its exploration slot lies; a click says only id and rank."""
    return random_of(slate_id).randint(FIRST_RANK, max(FIRST_RANK, min(LAST_RANK, size)))


def pick(
    slate_id: str, candidates: Mapping[Pool, Sequence[float]], reward: Mapping[str, float], *, size: int
) -> Pick | None:
    """Draw the exploration slot of a slate.

    Args:
        slate_id: seeds the draw.
        candidates: per pool, the relevance 0..1 of each candidate left after all filters.
        reward: estimated clicks per impression of each pool.
        size: shown length of the slate; the slot lies on ranks 4-10 within it.

    Returns:
        the pick with propensity = P(pool) x P(product | pool) x P(rank), or None where there is nothing to explore.
    """
    last = min(LAST_RANK, size)
    shares = pool_shares(tuple(pool for pool in POOLS if candidates.get(pool)), reward)
    if not shares or last < FIRST_RANK:
        return None
    random = random_of(slate_id)
    rank = random.randint(FIRST_RANK, last)
    pool = random.choices(list(shares), weights=list(shares.values()))[0]
    chances = softmax(candidates[pool])
    index = random.choices(range(len(chances)), weights=chances)[0]
    propensity = shares[pool] * chances[index] / (last - FIRST_RANK + 1)
    return Pick(pool=pool, index=index, rank=rank, propensity=propensity)
