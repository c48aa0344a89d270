"""How unequal exposure and demand are over time, in so many steps that a course can be seen."""

from typing import Literal, NamedTuple

import numpy as np

from models.exposure_audit import gini, thinned

MOST = 48
"""Steps; with one more, all become longer."""

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000

STEPS_MS = (
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    _HOUR,
    3 * _HOUR,
    6 * _HOUR,
    _DAY,
    4 * _DAY,
    16 * _DAY,
    64 * _DAY,
    256 * _DAY,
    1024 * _DAY,
)
"""Each several times the one before: counts of short steps add up to those of long ones. The last holds a century."""

TOO_FEW = 0.1
"""A step with less than this share of the average step has is left out: its Gini would be of chance."""

What = Literal["shown", "demand"]
_ROWS: dict[What, int] = {"shown": 0, "demand": 1}


class Point(NamedTuple):
    """A step: when it starts (ms since 1970), and the Gini of what was shown and wanted in it, nan for too little."""

    at_ms: int
    shown: float
    demand: float


class Course:
    """A fold of what was shown and wanted, when. Memory is `MOST` x 2 counts a product, however long it goes on.

    Args:
        products: how many there are.
    """

    def __init__(self, products: int) -> None:
        self._products = products
        self._level = 0
        self._counts: dict[int, np.ndarray] = {}

    @property
    def step_ms(self) -> int:
        """Give the length of a step."""
        return STEPS_MS[self._level]

    def take(self, what: What, at_ms: int, products: np.ndarray) -> None:
        """Count products once each.

        Args:
            what: what happened to them.
            at_ms: when, milliseconds since 1970.
            products: their numbers, int, shape (n,).
        """
        step = at_ms // self.step_ms
        if step not in self._counts:
            self._counts[step] = np.zeros((2, self._products), np.int32)
            while self._span() > MOST and self._level + 1 < len(STEPS_MS):
                self._lengthen()
            step = at_ms // self.step_ms
        np.add.at(self._counts[step][_ROWS[what]], products, 1)

    def points(self, rng: np.random.Generator) -> list[Point]:
        """Give the course.

        The Gini falls where more is counted, so each step's is of as many as the step with the fewest has, drawn.

        Args:
            rng: seeded.
        """
        steps = sorted(self._counts)
        both = [self._ginis([self._counts[step][row] for step in steps], rng) for row in _ROWS.values()]
        return [Point(step * self.step_ms, *pair) for step, *pair in zip(steps, *both, strict=True)]

    def _ginis(self, counts: list[np.ndarray], rng: np.random.Generator) -> list[float]:
        totals = np.array([int(one.sum()) for one in counts])
        if not totals.sum():
            return [float("nan")] * len(counts)
        enough = totals >= max(1.0, TOO_FEW * float(totals.mean()))
        fewest = int(totals[enough].min())
        return [
            gini(thinned(one, fewest, rng)) if well else float("nan") for one, well in zip(counts, enough, strict=True)
        ]

    def _span(self) -> int:
        return max(self._counts) - min(self._counts) + 1

    def _lengthen(self) -> None:
        times = STEPS_MS[self._level + 1] // self.step_ms
        longer: dict[int, np.ndarray] = {}
        for step, counts in self._counts.items():
            if step // times in longer:
                longer[step // times] += counts
            else:
                longer[step // times] = counts
        self._counts, self._level = longer, self._level + 1


def rise(values: list[float]) -> float:
    """Say how much a course rose: the mean of its last third less that of its first; nan below three known values.

    >>> round(rise([0.1, 0.1, 0.2, 0.3, 0.3, 0.3]), 6)
    0.2
    """
    known = [value for value in values if value == value]  # noqa: PLR0124  nan is not itself
    third = len(known) // 3
    return float(np.mean(known[-third:]) - np.mean(known[:third])) if third else float("nan")
