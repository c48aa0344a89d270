"""Groups of products that are shown far less than they are wanted, said only where there is enough to say it from."""

from typing import NamedTuple

import numpy as np

from models.intervals import wilson

Z_99 = 2.5758
"""Two-sided 99 %: many groups are looked at, and a few would stand out by chance alone."""


class Held(NamedTuple):
    """A group held against demand: its number, its shares of exposure and demand, and the touches those are from.

    `sure` is the demand share that is sure: the lower end of its 99 % interval.
    """

    group: int
    shown: float
    demand: float
    sure: float
    touches: int

    @property
    def ratio(self) -> float:
        """Give exposure over the demand that is sure: far below 1 is under-exposed."""
        return self.shown / self.sure


def wilson_low(hits: int, total: int, z: float = Z_99) -> float:
    """Give the lower end of Wilson's interval of a share.

    Args:
        hits: 0..total.
        total: at least 1.
        z: quantile of the standard normal distribution.

    Returns:
        0..1.

    >>> round(wilson_low(50, 100, 1.96), 4)
    0.4038
    """
    return wilson(hits / total, total, z)[0]


def held_against_demand(
    examined: np.ndarray, demand: np.ndarray, groups: np.ndarray, count: int, *, evidence: int
) -> list[Held]:
    """Hold each group's share of exposure against its share of demand.

    Args:
        examined: exposure of each product, float64, shape (n,).
        demand: touches of each product, int, shape (n,).
        groups: which group each is of, 0..count-1, shape (n,).
        count: number of groups.
        evidence: fewest touches to judge a group by, at least 1; those with fewer are left out.

    Returns:
        the lowest ratio first.
    """
    touches = np.bincount(groups, weights=demand, minlength=count).astype(np.int64)
    exposure = np.bincount(groups, weights=examined, minlength=count)
    total, all_shown = int(touches.sum()), float(exposure.sum())
    if not total or not all_shown:
        return []
    held = [
        Held(
            group=group,
            shown=float(exposure[group]) / all_shown,
            demand=int(touches[group]) / total,
            sure=wilson_low(int(touches[group]), total),
            touches=int(touches[group]),
        )
        for group in np.flatnonzero(touches >= evidence).tolist()
    ]
    return sorted(held, key=lambda one: (one.ratio, one.group))
