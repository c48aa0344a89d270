"""What exploration earns: clicks per impression of each pool."""

from models.items import State, packed, unpacked
from schemas.learning import StepKind

MOST_POOLS = 16
PRIOR_CLICKS, PRIOR_IMPRESSIONS = 1.0, 50.0
FADE = 0.999
"""Per impression of the pool: about the last thousand count."""


class PoolRewards:
    """A bandit's arms: fading clicks over fading impressions, with a prior of 1 in 50."""

    def __init__(self) -> None:
        self.pools: dict[str, list[float]] = {}

    def learn_one(self, pool: str, kind: StepKind) -> None:
        """Count an impression of an explored product, or a click on one.

        >>> rewards = PoolRewards()
        >>> for kind in ("impression", "click"):
        ...     rewards.learn_one("new", kind)
        >>> round(rewards.estimates()["new"], 3)
        0.039
        """
        if pool not in self.pools and len(self.pools) >= MOST_POOLS:
            return
        counts = self.pools.setdefault(pool, [0.0, 0.0])
        if kind == "impression":
            counts[0] *= FADE
            counts[1] = counts[1] * FADE + 1.0
        elif kind in {"view", "click"}:
            counts[0] += 1.0

    def estimates(self) -> dict[str, float]:
        """Return clicks per impression by pool, > 0."""
        return {
            pool: (clicks + PRIOR_CLICKS) / (impressions + PRIOR_IMPRESSIONS)
            for pool, (clicks, impressions) in self.pools.items()
        }

    def state(self) -> State:
        """Return what decides predictions."""
        return {"pools": packed(list(self.pools.items()))}

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.pools = {str(pool): list(counts) for pool, counts in unpacked(state["pools"])}
