"""How likely a rank is looked at, learned where chance decided what stands there: on exploration slots."""

import math

import numpy as np

from models.explore import FIRST_RANK, LAST_RANK
from models.items import State
from schemas.learning import StepKind

PRIOR_CLICKS = 20.0
"""Clicks at which a rank's own evidence and the discount count alike."""

FADE = 0.9998
"""Per impression of any slot: about the last five thousand count."""

MOST_WEIGHT = 5.0


def discount(rank: int) -> float:
    """Give the usual share of attention of a rank, 1 / log2(rank + 1).

    >>> [round(discount(rank), 2) for rank in (1, 3, 10)]
    [1.0, 0.5, 0.29]

    Source: Järvelin & Kekäläinen, Cumulated Gain-Based Evaluation of IR Techniques, TOIS 2002.
    """
    return 1 / math.log2(rank + 1)


class Examination:
    """Clicks and impressions of explored products by rank, fading, held against the discount.

    A slot lies on each of its ranks alike whatever product is in it, so that ranks differ in attention only. Of few
    clicks the discount speaks; it also reaches the ranks where no slot lies, from the nearest that has one.

    Source: Joachims, Swaminathan & Schnabel, Unbiased Learning-to-Rank with Biased Feedback, WSDM 2017 (inverse
        examination weights, examination from randomised ranks).
    """

    def __init__(self) -> None:
        self._clicks = np.zeros(LAST_RANK - FIRST_RANK + 1)
        self._impressions = np.zeros(LAST_RANK - FIRST_RANK + 1)

    def learn_one(self, rank: int, kind: StepKind) -> None:
        """Count an impression of an explored product at its rank, or a click on one; other ranks have no slot."""
        if not FIRST_RANK <= rank <= LAST_RANK:
            return
        if kind == "impression":
            self._clicks *= FADE
            self._impressions *= FADE
            self._impressions[rank - FIRST_RANK] += 1.0
        elif kind in {"view", "click"}:
            self._clicks[rank - FIRST_RANK] += 1.0

    def chance(self, rank: int) -> float:
        """Give how likely a rank is looked at beside rank 4, > 0.

        >>> examination = Examination()
        >>> [round(examination.chance(rank), 2) for rank in (1, 4, 10, 20)]
        [2.32, 1.0, 0.67, 0.53]
        """
        near = min(LAST_RANK, max(FIRST_RANK, rank))
        return discount(rank) / discount(FIRST_RANK) * self._beside(near) / self._beside(FIRST_RANK)

    def weight(self, rank: int) -> float:
        """Weigh a click by how rarely its rank is looked at, 0..5; 1 at rank 4."""
        return min(MOST_WEIGHT, 1 / self.chance(rank))

    def _beside(self, rank: int) -> float:
        """Hold a rank's clicks against those that the discount lets expect of its impressions."""
        discounted = self._impressions * np.array([discount(one) for one in range(FIRST_RANK, LAST_RANK + 1)])
        total = float(discounted.sum())
        place = rank - FIRST_RANK
        expected = float(discounted[place]) * float(self._clicks.sum()) / total if total else 0.0
        return (float(self._clicks[place]) + PRIOR_CLICKS) / (expected + PRIOR_CLICKS)

    def state(self) -> State:
        """Return what decides predictions."""
        return {"clicks": self._clicks, "impressions": self._impressions}

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self._clicks[:] = state["clicks"]
        self._impressions[:] = state["impressions"]
