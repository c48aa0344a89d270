"""Does each layer earn its keep: what each adds to those before it, and what the engine loses without each part."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from models.trials import Trials
from streams.evaluation.differences import Measures, differences
from streams.evaluation.lists import BLEND, SLATE
from streams.evaluation.plan import Protocol
from streams.evaluation.recorder import Table
from streams.evaluation.running import Outcome
from streams.evaluation.variants import BY_CATALOGUE, COLLABORATIVE, LADDER, LEFT_OUT

CHOSEN_BY = "ndcg"
"""The best single source is the one with the most of it on the queries themselves: no source could have been
chosen better, so what comes on top of it is not flattered."""


class Layer(NamedTuple):
    """What one part adds.

    Args:
        name: the part.
        over: what it is added to.
        measures: with the part, without it, and the difference.
    """

    name: str
    over: str
    measures: Measures


class Ablated(NamedTuple):
    """One table's ablation.

    Args:
        protocol: how it was asked.
        table: its name.
        queries: how many.
        added: one layer on top of the other, from popularity to the whole engine.
        removed: each part of the engine, against the engine without it.
    """

    protocol: Protocol
    table: str
    queries: int
    added: tuple[Layer, ...]
    removed: tuple[Layer, ...]


def ablated(outcome: Outcome) -> list[Ablated]:
    """Compare the variants of an evaluation that had them, table by table."""
    return [_of(protocol, table) for protocol, tables in outcome.tables.items() for table in tables]


def _of(protocol: Protocol, table: Table) -> Ablated:
    rungs = list(_rungs(table))
    added = [(name, below, ranker, base) for (below, base), (name, ranker) in pairwise(rungs)]
    removed = [(name, "all others", BLEND, ranker) for name, ranker in _parts(table)]
    trials = table.trials
    found = differences([((trials, ranker), (trials, base)) for _, _, ranker, base in (*added, *removed)])
    layers = [Layer(name, over, one) for (name, over, _, _), one in zip((*added, *removed), found, strict=True)]
    return Ablated(protocol, table.name, len(trials), tuple(layers[: len(added)]), tuple(layers[len(added) :]))


def _rungs(table: Table) -> Iterator[tuple[str, str]]:
    """Name the layers there are, with their rankers; one whose sources never find anything adds nothing to look at."""
    yield "popularity", "popularity"
    best = _best(table)
    if best:
        yield f"one source: {best}", best
    collaborative, embeddings, catalogue, weights = (variant.name for variant in LADDER)
    yield "all collaborative sources", collaborative
    if "content" in table.qualities:
        yield embeddings, embeddings
    if BY_CATALOGUE & table.qualities.keys():
        yield "words and new products", catalogue
    yield weights, weights
    yield "learned weights", BLEND
    if SLATE in table.qualities:
        yield "slate rules", SLATE


def _parts(table: Table) -> Iterator[tuple[str, str]]:
    """Name the parts that can be missed, with the ranker that is without each."""
    for variant in LEFT_OUT:
        if variant.weighted and not variant.without & table.qualities.keys():
            continue
        yield variant.name.removeprefix("without "), variant.name


def _best(table: Table) -> str:
    """Name the best single source that learns from visitors alone, "" where none has a list."""
    known = [source for source in COLLABORATIVE if source in table.qualities]
    return max(known, key=lambda source: _mean(table.trials, source), default="")


def _mean(trials: Trials, ranker: str) -> float:
    return float(trials.of(CHOSEN_BY)[:, trials.rankers.index(ranker)].mean())
