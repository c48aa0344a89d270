"""What an evaluation's tables come to: means with their intervals, what lists are like, slices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.beyond_accuracy import Qualities
from models.blend import SOURCES
from models.intervals import Interval, intervals
from models.slices import slices
from models.trials import MEASURES, Trials
from streams.evaluation.lists import BESIDE, BLEND, REFERENCES, SLATE, UNRESERVED
from streams.evaluation.plan import Protocol
from streams.evaluation.recorder import Table

SEED = 20_190_101
"""Of the bootstrap's draws."""

OWN = (BLEND, SLATE, UNRESERVED, *SOURCES, *BESIDE)
RECENT = "recent popularity"


@dataclass(frozen=True)
class Part:
    """One slice of a table's queries: its mean measures by ranker, none without queries."""

    cut: str
    label: str
    n: int
    means: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Figures:
    """One table of one protocol in figures.

    Args:
        protocol: how it was made.
        table: its name.
        k: length of the lists.
        n: queries.
        units: sessions or visitors they are from.
        single: every query had one right answer; recall is then the hit rate, and precision a k-th of it.
        measures: by ranker and measure; of rankers that never had anything to say, zeros.
        qualities: by ranker, of those that had.
        parts: slices, empty ones too.
    """

    protocol: Protocol
    table: str
    k: int
    n: int
    units: int
    single: bool
    measures: Mapping[str, Mapping[str, Interval]]
    qualities: Mapping[str, Qualities]
    parts: tuple[Part, ...]

    @property
    def own(self) -> list[str]:
        """Name the blend, the slate and the sources that had something to say and were right once, best first."""
        return self._best_first(OWN)

    @property
    def references(self) -> list[str]:
        """Name the references, best first."""
        return self._best_first(REFERENCES)

    @property
    def best_source(self) -> str | None:
        """Name the source that alone is best."""
        return next(iter(self._best_first(SOURCES)), None)

    @property
    def contrasted(self) -> list[str]:
        """Name what slices are shown of: the blend, the best source alone, recent popularity."""
        return [name for name in (BLEND, self.best_source, RECENT) if name is not None and name in self.measures]

    def cuts(self) -> dict[str, list[Part]]:
        """Give the slices with queries by cut; a cut that is one slice says nothing and is left out."""
        found: dict[str, list[Part]] = {}
        for part in self.parts:
            if part.n:
                found.setdefault(part.cut, []).append(part)
        return {cut: parts for cut, parts in found.items() if len(parts) > 1}

    def _best_first(self, names: Sequence[str]) -> list[str]:
        told = [name for name in names if name in self.measures and self.measures[name]["hr"].mean > 0]
        return sorted(told, key=lambda name: (-self.measures[name]["hr"].mean, -self.measures[name]["mrr"].mean))


def figures_of(tables: Mapping[Protocol, Sequence[Table]]) -> list[Figures]:
    """Work out the figures of all tables, protocol by protocol."""
    return [_figures(protocol, table) for protocol, found in tables.items() for table in found]


def _figures(protocol: Protocol, table: Table) -> Figures:
    trials = table.trials
    precision, hits = trials.of("precision"), trials.of("hr")
    return Figures(
        protocol=protocol,
        table=table.name,
        k=trials.k,
        n=len(trials),
        units=len(np.unique(trials.units)),
        single=np.allclose(precision * trials.k, hits) and np.allclose(trials.of("recall"), hits),
        measures=_bounded(trials),
        qualities={name: one for name, one in table.qualities.items() if one.lists},
        parts=tuple(
            Part(part.name, part.label, int(part.mask.sum()), _means(trials, part.mask)) for part in slices(trials)
        ),
    )


def _compared(trials: Trials) -> list[int]:
    """Give the places of the rankers that are told of."""
    return [at for at, name in enumerate(trials.rankers) if name in OWN or name in REFERENCES]


def _bounded(trials: Trials) -> dict[str, dict[str, Interval]]:
    """Bound every ranker's measures; one that is always 0 needs no draws."""
    found = {trials.rankers[at]: dict.fromkeys(MEASURES, Interval(0.0, 0.0, 0.0)) for at in _compared(trials)}
    right = [at for at in _compared(trials) if trials.values[:, at].any()]
    if right:
        columns = iter(intervals(trials.values[:, right].reshape(len(trials), -1), trials.units, seed=SEED))
        for at in right:
            found[trials.rankers[at]] = dict(zip(MEASURES, columns, strict=False))
    return found


def _means(trials: Trials, mask: np.ndarray) -> dict[str, dict[str, float]]:
    if not mask.any():
        return {}
    means = trials.values[mask].mean(axis=0, dtype=np.float64)
    return {trials.rankers[at]: dict(zip(MEASURES, map(float, means[at]), strict=True)) for at in _compared(trials)}
