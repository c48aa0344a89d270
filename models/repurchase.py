"""How long until a product is bought again, by leaf category."""

import numpy as np

from models.items import Registry, State, part, prefixed
from models.kernel import grown

START_ROWS = 16


class RepurchaseIntervals:
    """The median of the latest gaps between two purchases of one item by one person.

    A purchase adds one gap to a category, the median of those of its items: one big order is not many opinions.

    Args:
        cap: most categories; the longest unseen go first.
        kept: latest gaps kept of each.
        least: gaps needed before the median is one, 1..kept.
    """

    def __init__(self, *, cap: int, kept: int, least: int) -> None:
        self.leaves = Registry(cap)
        self.least = least
        self.gaps = np.zeros((START_ROWS, kept), np.float32)
        self.count = np.zeros(START_ROWS, np.int64)
        self.days = np.zeros(START_ROWS, np.float32)

    def learn_one(self, leaves: tuple[str, ...], gap_days: tuple[float, ...]) -> None:
        """Learn one purchase.

        Args:
            leaves: the leaf category of each item, empty text for none.
            gap_days: days since each was bought before, 0 for never.
        """
        found: dict[str, list[float]] = {}
        for leaf, days in zip(leaves, gap_days, strict=False):
            if leaf and days > 0:
                found.setdefault(leaf, []).append(days)
        for leaf, gaps in found.items():
            row = self._row(leaf)
            self.gaps[row, self.count[row] % self.gaps.shape[1]] = np.median(gaps)
            self.count[row] += 1
            if self.count[row] >= self.least:
                self.days[row] = np.median(self.gaps[row, : self.count[row]])

    def _row(self, leaf: str) -> int:
        if self.leaves.get(leaf) < 0:
            gone = self.leaves.make_room(1)
            self.count[gone] = 0
            self.days[gone] = 0
            self._grow(self.leaves.rows + 1)
        return self.leaves.intern(leaf)

    def _grow(self, rows: int) -> None:
        cap = max(rows, self.leaves.cap)
        self.gaps = grown(self.gaps, rows, cap)
        self.count = grown(self.count, rows, cap)
        self.days = grown(self.days, rows, cap)

    def days_of(self, leaf: str) -> float | None:
        """Return a category's interval in days, > 0; None while there is too little to tell."""
        row = self.leaves.get(leaf)
        return float(self.days[row]) if row >= 0 and self.days[row] > 0 else None

    def state(self) -> State:
        """Return what decides predictions."""
        rows = self.leaves.rows
        held = np.arange(self.gaps.shape[1]) < self.count[:rows, None]
        return {
            **prefixed("leaves", self.leaves.state()),
            "count": self.count[:rows],
            "days": self.days[:rows],
            "gaps": self.gaps[:rows][held],
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.leaves.restore(part("leaves", state))
        rows = self.leaves.rows
        self._grow(rows)
        self.count[:rows] = state["count"]
        self.days[:rows] = state["days"]
        held = np.arange(self.gaps.shape[1]) < self.count[:rows, None]
        self.gaps[:rows][held] = state["gaps"]
