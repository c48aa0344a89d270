"""Writes down what the lists of one protocol were worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.beyond_accuracy import BeyondAccuracy, Qualities
from models.kernel import hash63
from models.knowledge import Knowledge
from models.session import Context
from models.trials import COLD_BELOW, TrialLog, Trials
from streams.evaluation.queries import COLD, TABLES, Query, fingerprint

MOST_LISTS = 20_000
"""Lists looked at for what they are like apart from being right: more would tell nothing more."""


@dataclass(frozen=True, eq=False)
class Table:
    """The queries of one kind: how good every ranker was, and what its lists were like."""

    name: str
    trials: Trials
    qualities: Mapping[str, Qualities]


class Learned:
    """How often each product was learned, by row of the fact table, and how popular that makes it."""

    def __init__(self, rows: int) -> None:
        self.counts = np.zeros(rows, np.int64)
        self.total = 0
        self._least = np.zeros(0, np.int64)

    def add(self, row: int) -> None:
        """Count one event."""
        self.counts[row] += 1
        self.total += 1

    def divide(self) -> None:
        """Draw the bounds of ten parts, each of a tenth of the events so far, from the most popular products down."""
        ranked = np.sort(self.counts[self.counts > 0])[::-1]
        share = np.cumsum(ranked) / max(1, ranked.sum())
        bounds = [ranked[min(len(ranked) - 1, int(np.searchsorted(share, part / 10)))] for part in range(1, 10)]
        self._least = np.array(bounds if len(ranked) else [], np.int64)

    def decile(self, row: int) -> int:
        """Give the tenth a product belongs to, 1 the most popular; 0 when it was never learned."""
        count = int(self.counts[row])
        return 0 if not count else 1 + int((count < self._least).sum())


class Recorder:
    """Collects the trials of one protocol by table.

    Args:
        rankers: what is compared.
        k: length of the lists.
        learned: counts of the products, kept by the caller.
        knowledge: vectors and categories of the products, for diversity.
        variants: compared too, but only by how right they are.
    """

    def __init__(
        self,
        rankers: tuple[str, ...],
        k: int,
        learned: Learned,
        knowledge: Knowledge,
        *,
        variants: tuple[str, ...] = (),
    ) -> None:
        self._learned = learned
        self._logs = {name: TrialLog((*rankers, *variants), k=k) for name in TABLES}
        self._variants = frozenset(variants)
        self._beyond: dict[tuple[str, str], BeyondAccuracy] = {}
        self._lists = dict.fromkeys(TABLES, 0)
        self._k = k
        vectors, has = knowledge.content.vectors(knowledge.facts.speakers)
        self._vectors = vectors if has.any() else None
        self._categories = np.where(knowledge.facts.leaf > 0, knowledge.facts.leaf, -1)
        self._catalogue = np.arange(1, len(knowledge.facts))

    def add(self, query: Query, context: Context, lists: Mapping[str, np.ndarray], *, event_id: str) -> None:
        """Count one query, asked just before an event; what is cold of its answers counts in a table of its own too."""
        self._count(query, context, lists, event_id=event_id)
        cold = tuple(row for row in query.relevant if self._learned.counts[row] < COLD_BELOW)
        if cold:
            awaited = query.awaited if query.awaited in cold else cold[0]
            again = query._replace(table=COLD, relevant=cold, awaited=awaited)
            self._count(again, context, lists, event_id=event_id)

    def _count(self, query: Query, context: Context, lists: Mapping[str, np.ndarray], *, event_id: str) -> None:
        first = query.relevant[0] if len(query.relevant) == 1 else query.awaited
        self._logs[query.table].add(
            unit=hash63(context.user_id or context.visitor_id),
            query=fingerprint(query, event_id),
            relevant=query.relevant,
            rankings=lists,
            length=len(context.steps),
            returning=context.n_sessions > 1,
            decile=self._learned.decile(first),
            cold=bool(self._learned.counts[first] < COLD_BELOW),
            first=not context.steps,
        )
        self._lists[query.table] += 1
        if self._lists[query.table] <= MOST_LISTS:
            self._look(query.table, lists)

    def _look(self, table: str, lists: Mapping[str, np.ndarray]) -> None:
        for name, ranking in lists.items():
            if name in self._variants:
                continue
            beyond = self._beyond.get((table, name))
            if beyond is None:
                beyond = BeyondAccuracy(k=self._k, vectors=self._vectors, categories=self._categories)
                self._beyond[table, name] = beyond
            beyond.add(ranking, learned=self._learned.counts, total=self._learned.total)

    def tables(self) -> list[Table]:
        """Give what was collected; tables without queries are left out."""
        return [self._table(name, log) for name, log in self._logs.items() if len(log)]

    def _table(self, name: str, log: TrialLog) -> Table:
        mine = {ranker: beyond for (table, ranker), beyond in self._beyond.items() if table == name}
        qualities = {ranker: beyond.result(self._catalogue) for ranker, beyond in mine.items()}
        return Table(name, log.frozen(), qualities)
