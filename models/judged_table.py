"""One key's judgements in arrays, and which of their entries hold."""

import math
import sys

import numpy as np

from models.facts import FactTable
from models.kernel import compiled, hash63
from schemas.judgements import JudgementTable
from schemas.record import epoch_ms

HALF_SPAN = 10.0
"""Scores are 0..10: less their mean and over this they are -1..1."""

UNREAD = 0
"""Stamp of a row that was not looked at since its product changed."""

ASK = -2
"""Instead of a place: the row is still to be read."""


class JudgedTable:
    """One key's judgements, in arrays: by item its score, what it was judged by, and when.

    Args:
        table: as it was written.
    """

    def __init__(self, table: JudgementTable) -> None:
        judged = table.scores.values()
        mean = math.fsum(one.score for one in judged) / len(judged)
        self.names = [sys.intern(item) for item in table.scores]  # the same items stand in many tables
        self.scores = np.array([one.score for one in judged])
        self.less_mean = np.array([round((one.score - mean) / HALF_SPAN, 4) for one in judged], np.float32)
        self.stamps = np.array([stamp_of(one.text_hash, one.price_band) for one in judged], np.int64)
        self.judged_ms = np.array([epoch_ms(one.judged_at) for one in judged], np.int64)
        self._epoch = -1
        self._rows, self._order = np.zeros(0, np.int32), np.zeros(0, np.int64)

    def rows(self, facts: FactTable) -> tuple[np.ndarray, np.ndarray]:
        """Give the rows of the items, ascending, and each one's place in the arrays: int32 and int64."""
        if self._epoch != facts.epoch:
            found = np.fromiter(map(facts.row, self.names), np.int32, len(self.names))
            self._order = np.argsort(found)
            self._rows, self._epoch = found[self._order], facts.epoch
        return self._rows, self._order


@compiled
def hold(
    rows: np.ndarray,
    known: np.ndarray,
    order: np.ndarray,
    now: np.ndarray,
    judged: np.ndarray,
    judged_ms: np.ndarray,
    since_ms: int,
) -> tuple[np.ndarray, int]:
    """Look rows up among `known`, ascending: places of entries that hold, -1 for missing, `ASK` for not read yet."""
    places, unread = np.full(len(rows), -1, np.int64), 0
    for t in range(len(rows)):
        row = rows[t]
        at = np.searchsorted(known, row)
        if row == 0 or at == len(known) or known[at] != row:
            continue
        stamp = now[row] if row < len(now) else UNREAD
        if stamp == UNREAD:
            places[t] = ASK
            unread += 1
        elif stamp == judged[order[at]] and judged_ms[order[at]] > since_ms:
            places[t] = order[at]
    return places, unread


def stamp_of(text_hash: str, price_band: str) -> int:
    """Name what was read of a product by a number above 0."""
    return hash63(f"{text_hash}/{price_band}") | 1
