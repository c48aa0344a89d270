"""How another exploration policy would have done, from what this one logged: self-normalised inverse propensities.

Only policies over pools are estimated, of the one slot that was drawn by chance. The rest of a slate was not: of it the
log says nothing about what another blend would have earned.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from models.bandit import POOLS
from models.intervals import wilson
from schemas.errors import RefusedError

LEAST_EFFECTIVE = 100.0
Z95 = 1.959964
"""Normal quantile of a two-sided 95 % interval."""


class Sample(NamedTuple):
    """One explored product that was seen.

    Args:
        visitor: hash of who saw it; one visitor's samples are not independent.
        pool: the pool it was drawn from.
        shares: the chance that each pool had, > 0, summing to 1.
        propensity: P(pool) x P(product | pool) x P(rank), as logged.
        reward: 1 for a click in time, else 0.
    """

    visitor: int
    pool: str
    shares: Mapping[str, float]
    propensity: float
    reward: float


Policy = Callable[[Mapping[str, float]], Mapping[str, float]]
"""From the logged chances of the pools that have candidates to those of another policy; pools left out have none."""


class Estimate(NamedTuple):
    """Clicks per explored product seen, with a 95 % interval.

    `effective` is how many samples of the policy itself would say as much; `samples` how many were logged.
    """

    policy: str
    rate: float
    low: float
    high: float
    effective: float
    samples: int


def logged(shares: Mapping[str, float]) -> Mapping[str, float]:
    """Draw as was drawn."""
    return shares


def uniform(shares: Mapping[str, float]) -> Mapping[str, float]:
    """Draw every pool that has candidates alike.

    >>> uniform({"new": 0.9, "long_tail": 0.1})
    {'new': 0.5, 'long_tail': 0.5}
    """
    return dict.fromkeys(shares, 1 / len(shares))


def greedy(shares: Mapping[str, float]) -> Mapping[str, float]:
    """Always draw the pool that the bandit held for the best.

    >>> greedy({"new": 0.1, "long_tail": 0.9})
    {'long_tail': 1.0}
    """
    return {max(shares, key=shares.__getitem__): 1.0}


def only(pool: str) -> Policy:
    """Always draw one pool; slates on which it had no candidates are left out."""
    return lambda _shares: {pool: 1.0}


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {"logged": logged, "uniform": uniform, "greedy": greedy, **{pool: only(pool) for pool in POOLS}}
)


def estimate(samples: Sequence[Sample], name: str, policy: Policy | None = None) -> Estimate:
    """Estimate a policy's click rate: sum(w r) / sum(w), w = P(drawn under the policy) / propensity.

    P(product | pool) and P(rank) are the same under every policy over pools, so w is the ratio of the pools' chances.
    The interval is Wilson's at the effective sample: sum(w)^2 / sum(w^2), or fewer where the residuals, summed by
    visitor, scatter more than that.

    Args:
        samples: what was seen of exploration.
        name: of the policy, among `POLICIES` unless `policy` is given.
        policy: another one.

    Raises:
        RefusedError: fewer than 100 effective samples.

    Source: Swaminathan & Joachims, The Self-Normalized Estimator for Counterfactual Learning, NeurIPS 2015; effective
        sample size by Kong 1992; interval by Wilson 1927.
    """
    policy = policy or POLICIES[name]
    weights = np.array([policy(one.shares).get(one.pool, 0.0) / one.shares[one.pool] for one in samples])
    total = float(weights.sum())
    effective = total**2 / float((weights**2).sum()) if total else 0.0
    if effective < LEAST_EFFECTIVE:
        raise RefusedError(
            f"{name}: {len(samples)} explored products that were seen say as much as {effective:.0f} of this policy's "
            f"own, and {LEAST_EFFECTIVE:.0f} are needed: gather more slates with impressions"
        )
    rewards = np.array([one.reward for one in samples])
    rate = float(weights @ rewards) / total
    independent = _independent(samples, weights * (rewards - rate) / total, rate)
    low, high = wilson(rate, min(effective, independent), Z95)
    return Estimate(name, rate, low, high, effective, len(samples))


def estimates(samples: Sequence[Sample]) -> dict[str, Estimate | str]:
    """Estimate every policy of `POLICIES`; a sentence where there is too little to go by."""
    found: dict[str, Estimate | str] = {}
    for name in POLICIES:
        try:
            found[name] = estimate(samples, name)
        except RefusedError as error:
            found[name] = str(error)
    return found


def _independent(samples: Sequence[Sample], residuals: np.ndarray, rate: float) -> float:
    """Say how many independent draws would scatter as much as the visitors do; infinite where nothing scatters."""
    _, owner = np.unique(np.array([one.visitor for one in samples]), return_inverse=True)
    scatter = float((np.bincount(owner, residuals) ** 2).sum())
    return rate * (1 - rate) / scatter if scatter else math.inf
