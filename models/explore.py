"""The exploration slot: one product that the blend would not have shown, with the probability that it was."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from models.bandit import POOLS, Pool, PoolBandit

FIRST_RANK, LAST_RANK = 4, 10


@dataclass(frozen=True)
class Pick:
    """What was chosen: `index` into the pool's candidates, 1-based `rank`, and how likely that was.

    `shares` has the chance that each pool with candidates had.
    """

    pool: Pool
    index: int
    rank: int
    propensity: float
    shares: Mapping[Pool, float]


def random_of(slate_id: str) -> Random:
    """Seed a generator from a slate's id, so that a replay draws the same."""
    return Random(int.from_bytes(hashlib.blake2b(slate_id.encode(), digest_size=8).digest()))


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


def pick(slate_id: str, candidates: Mapping[Pool, Sequence[float]], bandit: PoolBandit, *, size: int) -> Pick | None:
    """Draw the exploration slot of a slate.

    Args:
        slate_id: seeds the draw.
        candidates: per pool, the relevance 0..1 of each candidate left after all filters.
        bandit: draws the pool.
        size: shown length of the slate; the slot lies on ranks 4-10 within it.

    Returns:
        the pick with propensity = P(pool) x P(product | pool) x P(rank), or None where there is nothing to explore.
    """
    last = min(LAST_RANK, size)
    pools = tuple(pool for pool in POOLS if candidates.get(pool))
    if not pools or last < FIRST_RANK:
        return None
    random = random_of(slate_id)
    rank = random.randint(FIRST_RANK, last)
    shares = bandit.chances(pools)
    pool = bandit.pull(pools, random)
    chances = softmax(candidates[pool])
    index = random.choices(range(len(chances)), weights=chances)[0]
    propensity = shares[pool] * chances[index] / (last - FIRST_RANK + 1)
    return Pick(pool=pool, index=index, rank=rank, propensity=propensity, shares=shares)
