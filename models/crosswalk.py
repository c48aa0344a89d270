"""From the model's numbers to the catalogue's rows and back: two numberings of items, neither of which owns the other.

The model numbers items in the order of the learning log, the same on every worker; the fact table by what is sold.
"""

from collections.abc import Mapping

import numpy as np

from models.facts import FactTable
from models.items import Registry
from models.ranked import NONE, Ranked, translate

UNASKED, UNKNOWN = -1, -2


class Crosswalk:
    """Remember which row is which number, until either side gives one of its names away.

    Args:
        items: the model's.
        facts: the catalogue's.
    """

    def __init__(self, items: Registry, facts: FactTable) -> None:
        self._items = items
        self._facts = facts
        self._epochs = (-1, -1)
        self._known = 0
        self._row_of = np.empty(0, np.int32)
        self._number_of = np.empty(0, np.int32)

    def rows(self, found: Mapping[str, Ranked]) -> dict[str, Ranked]:
        """Turn the model's numbers into rows, all sources at once, leaving out what is not in the catalogue."""
        self._refresh()
        ids = np.concatenate([NONE.ids, *(ranked.ids for ranked in found.values())])
        scores = np.concatenate([NONE.scores, *(ranked.scores for ranked in found.values())])
        unasked = ids[self._row_of[ids] == UNASKED]
        for number in dict.fromkeys(unasked.tolist()):
            self._row_of[number] = self._facts.row(self._items.names[number])
        lengths = np.array([len(ranked.ids) for ranked in found.values()], np.int64)
        rows, values, ends = translate(ids, scores, lengths, self._row_of)
        starts = [0, *ends.tolist()]
        return {
            source: Ranked(rows[start:end], values[start:end])
            for source, start, end in zip(found, starts, ends.tolist(), strict=False)
        }

    def numbers(self, rows: np.ndarray) -> np.ndarray:
        """Turn rows into the model's numbers: int32, -1 for what it does not know."""
        self._refresh()
        numbers = self._number_of[rows]
        for place in np.flatnonzero(numbers == UNASKED).tolist():
            row = rows[place]
            number = self._items.get(self._facts.names[row])
            numbers[place] = self._number_of[row] = UNKNOWN if number < 0 else number
        return np.maximum(numbers, -1)

    def _refresh(self) -> None:
        epochs, known = (self._items.epoch, self._facts.epoch), self._items.rows
        if epochs != self._epochs:
            self._epochs, self._known = epochs, known
            self._row_of = np.full(2 * known, UNASKED, np.int32)
            self._number_of = np.full(len(self._facts), UNASKED, np.int32)
        if known > len(self._row_of):
            self._row_of = np.concatenate([self._row_of, np.full(2 * known, UNASKED, np.int32)])
        # What the model has learned to know since may have been asked for before.
        for number in range(self._known, known):
            row = self._facts.row(self._items.names[number])
            if row:
                self._number_of[row] = number
        self._known = known
