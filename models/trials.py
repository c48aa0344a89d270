"""What an evaluation has seen: for every query, how good each ranker's list was and what kind of query it was."""

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.metrics import HitRate, NormalisedGain, Precision, Recall, ReciprocalRank, hit_ranks

MEASURES = ("hr", "mrr", "ndcg", "recall", "precision")
"""The last axis of `Trials.values`; the formulas are those of `models.metrics`."""

COLD_BELOW = 5
"""A product with fewer learned events is cold."""

COMBINATIONS = 1 << 14
"""How many (ranks of hits, right ones) are remembered with their values: most queries repeat a few."""


@dataclass(frozen=True, eq=False)
class Trials:
    """The queries of an evaluation in the order they were asked; read-only arrays, one row a query.

    Args:
        rankers: names, the second axis of `values`.
        k: where the lists were cut.
        values: float32, shape (n, rankers, 5), 0..1, last axis `MEASURES`.
        units: int64, shape (n,): what queries are not independent within (session or visitor).
        queries: int64, shape (n,): what was asked; two evaluations whose queries are equal asked the same.
        length: int32, shape (n,): the session's events before the query.
        returning: bool, shape (n,): the visitor had an earlier session.
        decile: int8, shape (n,): 1 when the target is among the products that make up the most popular tenth of the
            learned events, .. 10; 0 when it was never seen.
        cold: bool, shape (n,): the target had fewer than `COLD_BELOW` learned events.
        first: bool, shape (n,): nothing was known of the session yet.
    """

    rankers: tuple[str, ...]
    k: int
    values: np.ndarray
    units: np.ndarray
    queries: np.ndarray
    length: np.ndarray
    returning: np.ndarray
    decile: np.ndarray
    cold: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.units)

    def of(self, measure: str) -> np.ndarray:
        """Give one measure as a view, float32, shape (n, rankers)."""
        return self.values[:, :, MEASURES.index(measure)]


class TrialLog:
    """Collects trials, in 24 bytes a query, and 20 for each ranker.

    Args:
        rankers: distinct names of those that are compared.
        k: ranks beyond it do not count; at least 1.
    """

    def __init__(self, rankers: Sequence[str], *, k: int) -> None:
        if len(set(rankers)) < len(rankers):
            raise ValueError(f"rankers must have distinct names, not {', '.join(rankers)}")
        self.rankers = tuple(rankers)
        self.k = k
        self._names = frozenset(rankers)
        self._metrics = (HitRate(k), ReciprocalRank(k), NormalisedGain(k), Recall(k), Precision(k))
        self._valued = lru_cache(COMBINATIONS)(self._values_of)
        self._nothing = self._valued((), 1)
        # Arrays of the standard library grow in place, a sixteenth at a time: no copy, no second half of empty room.
        self._values = array("f")
        self._units = array("q")
        self._queries = array("q")
        self._length = array("i")
        self._returning, self._decile, self._cold, self._first = (array("b") for _ in range(4))

    def __len__(self) -> int:
        return len(self._units)

    def add(
        self,
        *,
        unit: int,
        query: int,
        relevant: Collection[int],
        rankings: Mapping[str, Sequence[int] | np.ndarray],
        length: int,
        returning: bool,
        decile: int,
        cold: bool,
        first: bool,
    ) -> None:
        """Count one query; one with nothing right says nothing and is not counted.

        Args:
            unit: the session or visitor, any 64-bit number.
            query: what is asked, any 64-bit number.
            relevant: numbers of the right items.
            rankings: item numbers, best first, any length, by ranker; one that is absent had no answer and scores 0.
            length: events of the session so far, at least 0.
            returning: the visitor had an earlier session.
            decile: of the target's popularity, 0..10 (see `Trials`).
            cold: the target had fewer than `COLD_BELOW` learned events.
            first: nothing was known of the session yet.

        Raises:
            ValueError: a ranking of a ranker that is not compared.
            BufferError: somebody holds the `Trials` of this log.
        """
        if not rankings.keys() <= self._names:
            raise ValueError(f"not compared here: {', '.join(sorted(rankings.keys() - self._names))}")
        right = frozenset(relevant)
        if not right:
            return
        self._units.append(unit)
        self._queries.append(query)
        self._length.append(length)
        self._returning.append(bool(returning))
        self._decile.append(decile)
        self._cold.append(bool(cold))
        self._first.append(bool(first))
        self._values.frombytes(b"".join([self._judged(rankings.get(name), right) for name in self.rankers]))

    def frozen(self) -> Trials:
        """Give all trials without copying them: while somebody holds them, no query can be added."""
        n = len(self)
        values = _view(self._values, np.float32).reshape(n, len(self.rankers), len(MEASURES))
        returning, cold, first = (_view(column, np.bool_) for column in (self._returning, self._cold, self._first))
        return Trials(
            rankers=self.rankers,
            k=self.k,
            values=values,
            units=_view(self._units, np.int64),
            queries=_view(self._queries, np.int64),
            length=_view(self._length, np.int32),
            returning=returning,
            decile=_view(self._decile, np.int8),
            cold=cold,
            first=first,
        )

    def _judged(self, ranking: Sequence[int] | np.ndarray | None, right: frozenset[int]) -> bytes:
        """Value one list: five float32."""
        if ranking is None:
            return self._nothing
        numbers: Sequence[int] = ranking[: self.k].tolist() if isinstance(ranking, np.ndarray) else ranking
        ranks = hit_ranks(numbers, right, self.k)
        return self._valued(tuple(ranks), len(right)) if ranks else self._nothing

    def _values_of(self, ranks: tuple[int, ...], relevant: int) -> bytes:
        """Ask the metrics; `ranks` ascend, `relevant` is at least 1."""
        return np.array([metric.value(ranks, relevant) for metric in self._metrics], np.float32).tobytes()


def _view(column: array, dtype: type[np.generic]) -> np.ndarray:  # type: ignore[type-arg]
    """Read an array of the standard library as one of numpy."""
    view = np.frombuffer(column, dtype)
    view.flags.writeable = False
    return view
