"""Which exploration pool pays: River's epsilon-greedy bandit, whose draw is seeded and whose chances are told."""

from collections.abc import Sequence
from random import Random
from typing import Any, Literal

import numpy as np

from models.items import State
from schemas.learning import StepKind

Pool = Literal["new", "long_tail", "neighbour"]
POOLS: tuple[Pool, ...] = ("new", "long_tail", "neighbour")

EPSILON = 0.2
"""Share of the draws that go to all pools alike: of three pools each has 6.7 %, and one that is best 86.7 %."""

PRIOR_RATE, PRIOR_IMPRESSIONS = 0.02, 50.0
FADE = 0.999
"""Per impression of the pool: about the last thousand count."""


class PoolBandit:
    """`river.bandit.EpsilonGreedy` over pools; each arm is a `river.stats.Mean` of clicks per impression.

    A click comes after its impression, so it takes back the 0 that the impression counted and counts a 1. Means fade
    by their weights, the prior's included. River's own generator and its counts of pulls decide nothing here: every
    draw brings its generator, and there is neither burn-in nor decay.

    Source: Sutton & Barto, Reinforcement Learning, 2nd ed., section 2.2 (epsilon-greedy).
    """

    def __init__(self) -> None:
        self._policy = _epsilon_greedy()
        for pool in POOLS:
            self._policy.update(pool, PRIOR_RATE, w=PRIOR_IMPRESSIONS)

    def learn_one(self, pool: str, kind: StepKind) -> None:
        """Count an impression of an explored product, or a click on one.

        >>> bandit = PoolBandit()
        >>> for kind in ("impression", "click"):
        ...     bandit.learn_one("new", kind)
        >>> round(bandit.estimates()["new"], 3)
        0.039
        """
        if pool not in POOLS:
            return
        arm = self._arms[pool]
        if kind == "impression":
            arm.n *= FADE
            self._policy.update(pool, 0.0)
        elif kind in {"view", "click"}:
            arm.revert(0.0)
            self._policy.update(pool, 1.0)

    def estimates(self) -> dict[Pool, float]:
        """Return clicks per impression by pool, > 0."""
        return {pool: self._arms[pool].get() for pool in POOLS}

    def chances(self, pools: Sequence[Pool]) -> dict[Pool, float]:
        """Tell how likely `pull` draws each of some pools: epsilon / n, and for the best 1 - epsilon more.

        >>> PoolBandit().chances(("new", "long_tail"))
        {'new': 0.9, 'long_tail': 0.1}
        """
        best = max(pools, key=lambda pool: self._arms[pool].get(), default=None)
        other = EPSILON / max(1, len(pools))
        return {pool: other + (1 - EPSILON if pool == best else 0.0) for pool in pools}

    def pull(self, pools: Sequence[Pool], random: Random) -> Pool:
        """Draw a pool, by River's policy from the given generator; of equal pools the first is the best."""
        self._policy._rng = random  # noqa: SLF001  River seeds a policy once, for all of its draws
        drawn: Pool = self._policy.pull(list(pools))
        return drawn

    @property
    def _arms(self) -> dict[str, Any]:
        arms: dict[str, Any] = self._policy._rewards  # noqa: SLF001  no other way to read, save and restore them
        return arms

    def state(self) -> State:
        """Return what decides predictions: weight and mean of each arm, float64, shape (pools, 2)."""
        return {"arms": np.array([[self._arms[pool].n, self._arms[pool].get()] for pool in POOLS])}

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        for pool, (weight, mean) in zip(POOLS, state["arms"].tolist(), strict=True):
            self._arms[pool] = _mean_of(weight, mean)


def _epsilon_greedy() -> Any:
    from river import bandit, stats

    return bandit.EpsilonGreedy(EPSILON, reward_obj=stats.Mean())


def _mean_of(weight: float, mean: float) -> Any:
    from river import stats

    return stats.Mean._from_state(weight, mean)  # noqa: SLF001  `update` would round
