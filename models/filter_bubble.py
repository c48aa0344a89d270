"""How narrow a visitor's shelf is, and whether it narrows from slate to slate.

**Narrowness** of a visitor v, from the categories of what v was shown:

    likeness within   W(v) = sum over categories c of n(c) (n(c) - 1) / (n (n - 1))
    likeness between  B    = mean over all pairs of visitors u, v of sum over c of p_u(c) p_v(c)
    index(v)               = (W(v) - B) / (1 - B) = 1 - (1 - W(v)) / (1 - B)

W is the chance that two products shown to v are of one category, unbiased however few there are; B the same of one
product each of two visitors. The index is 0 where v's products are no more alike than those of random visitors, 1 where
v sees a single category, below 0 where slates are mixed more than visitors are.

**Narrowing**: likeness within a slate, regressed on the slate's number among those of the same visitor and placement,
each such series with a level of its own. The slope is sum of Sxy / sum of Sxx; its interval lets a visitor's slates
depend on each other in any way (one cluster a visitor).

Source: mean pairwise likeness of what one user is shown, and its course: Nguyen, Hui, Harper, Terveen & Konstan 2014,
"Exploring the Filter Bubble" (there by distance of tags); within against between: Hudson, Slatkin & Maddison 1992,
"Estimation of Levels of Gene Flow from DNA Sequence Data" (F = 1 - H_within / H_between); clusters: Liang & Zeger 1986,
"Longitudinal Data Analysis Using Generalized Linear Models".
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import NamedTuple

import numpy as np

SLATES = 50
"""Slates of a visitor and placement that count, the first ones: a bot's thousands would outweigh everybody."""

Z_95 = 1.96


class Estimate(NamedTuple):
    """A value with its 95 % interval; nan where too little is known."""

    value: float
    low: float
    high: float


class Bubble(NamedTuple):
    """What was found.

    `narrowness` is the mean index over visitors, `spread` its 10th, 50th and 90th percentile over them; `narrowing` is
    the change of a slate's likeness from one slate to the next, `narrowing_visitors` those with two comparable ones.
    """

    visitors: int
    within: float
    between: float
    narrowness: Estimate
    spread: tuple[float, float, float]
    narrowing_visitors: int
    narrowing: Estimate


@dataclass
class _Series:
    """Running moments of a series: x is the slate's number, y its likeness."""

    n: int = 0
    x_mean: float = 0.0
    y_mean: float = 0.0
    sxx: float = 0.0
    sxy: float = 0.0

    def add(self, y: float) -> None:
        self.n += 1
        dx = self.n - self.x_mean
        self.x_mean += dx / self.n
        self.y_mean += (y - self.y_mean) / self.n
        self.sxx += dx * (self.n - self.x_mean)
        self.sxy += dx * (y - self.y_mean)


@dataclass
class _Visitor:
    categories: Counter[int] = field(default_factory=Counter)
    series: dict[str, _Series] = field(default_factory=dict)


class Bubbles:
    """A fold of slates.

    Where there are more visitors than it may keep, those with the lowest hash stay, each with all their slates: a
    sample that depends on neither order nor chance.

    Args:
        visitors: how many to keep.
    """

    def __init__(self, visitors: int = 10_000) -> None:
        self._most = visitors
        self._kept: dict[int, _Visitor] = {}
        self._hashes: list[int] = []
        self._below = 1 << 64

    def take(self, visitor_id: str, placement: str, categories: Sequence[int]) -> None:
        """Take a slate.

        Args:
            visitor_id: whose.
            placement: where.
            categories: of the products shown, unknown ones left out.
        """
        visitor = self._visitor(visitor_id)
        if visitor is None or not categories:
            return
        series = visitor.series.setdefault(placement, _Series())
        if series.n < SLATES:
            counts = Counter(categories)
            visitor.categories.update(counts)
            if len(categories) > 1:
                series.add(likeness(counts))

    def result(self) -> Bubble | None:
        """Say what was found; None without two visitors of whom two products each are known."""
        visitors = [one for _, one in sorted(self._kept.items()) if one.categories.total() > 1]
        if len(visitors) < 2:
            return None
        within = np.array([likeness(one.categories) for one in visitors])
        between = _between(visitors)
        index = (within - between) / (1 - between) if between < 1 else np.zeros(len(within))
        low, middle, high = np.percentile(index, (10, 50, 90)).tolist()
        clusters = [
            (sum(each.sxx for each in one.series.values()), sum(each.sxy for each in one.series.values()))
            for one in visitors
        ]
        moving = [(sxx, sxy) for sxx, sxy in clusters if sxx > 0]
        return Bubble(
            visitors=len(visitors),
            within=float(within.mean()),
            between=between,
            narrowness=_mean(index),
            spread=(low, middle, high),
            narrowing_visitors=len(moving),
            narrowing=_slope(moving),
        )

    def _visitor(self, visitor_id: str) -> _Visitor | None:
        name = int.from_bytes(blake2b(visitor_id.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        if name in self._kept or name >= self._below:
            return self._kept.get(name)
        found = self._kept[name] = _Visitor()
        if len(self._kept) <= self._most:
            heappush(self._hashes, -name)
        else:
            self._below = -heappushpop(self._hashes, -name)
            del self._kept[self._below]
        return found


def likeness(counts: Counter[int]) -> float:
    """Give the chance that two of so many are of one category, 0..1; needs at least two.

    >>> likeness(Counter({1: 2, 2: 1}))
    0.3333333333333333
    """
    total = counts.total()
    return sum(count * (count - 1) for count in counts.values()) / (total * (total - 1))


def _between(visitors: Sequence[_Visitor]) -> float:
    """Average over all pairs of different visitors: (square of the sum - sum of the squares) / (n (n - 1))."""
    sums: defaultdict[int, float] = defaultdict(float)
    squares = 0.0
    for visitor in visitors:
        total = visitor.categories.total()
        for category, count in visitor.categories.items():
            sums[category] += count / total
            squares += (count / total) ** 2
    n = len(visitors)
    return (sum(value * value for value in sums.values()) - squares) / (n * (n - 1))


def _mean(values: np.ndarray) -> Estimate:
    mean, half = float(values.mean()), Z_95 * float(values.std(ddof=1)) / len(values) ** 0.5
    return Estimate(mean, mean - half, mean + half)


def _slope(clusters: Sequence[tuple[float, float]]) -> Estimate:
    if len(clusters) < 2:
        return Estimate(float("nan"), float("nan"), float("nan"))
    sxx, sxy = np.array(clusters).T
    slope = float(sxy.sum() / sxx.sum())
    scores = sxy - slope * sxx
    n = len(clusters)
    half = Z_95 * float(np.sqrt((scores**2).sum() * n / (n - 1))) / float(sxx.sum())
    return Estimate(slope, slope - half, slope + half)
