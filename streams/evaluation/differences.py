"""What is better than what, by how much and how surely: pairs of rankers over the same queries."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from models.intervals import Paired, paired_columns
from models.trials import MEASURES, Trials
from streams.evaluation.told import SEED


class Pair(NamedTuple):
    """One measure of two rankers, and the first less the second."""

    first: float
    second: float
    paired: Paired


Measures = Mapping[str, Pair]
"""Pairs by name of the measure."""

Side = tuple[Trials, str]
"""A ranker in the trials of one evaluation."""


def differences(pairs: Sequence[tuple[Side, Side]]) -> list[Measures]:
    """Compare pairs of rankers over the same queries.

    Args:
        pairs: at least one; all of the same queries in the same order.

    Returns:
        all measures of each pair.
    """
    a, b = (np.concatenate([_columns(pair[side]) for pair in pairs], axis=1) for side in (0, 1))
    means = zip(a.mean(axis=0).tolist(), b.mean(axis=0).tolist(), strict=True)
    found = paired_columns(a, b, pairs[0][0][0].units, seed=SEED)
    every = [Pair(first, second, one) for (first, second), one in zip(means, found, strict=True)]
    width = len(MEASURES)
    return [dict(zip(MEASURES, every[at : at + width], strict=True)) for at in range(0, len(every), width)]


def moved(measures: Measures, measure: str, k: int) -> str:
    """Say by how much a measure moved.

    >>> one = Pair(0.5, 0.488, Paired(0.012, 0.006, 0.018, 0.001))
    >>> moved({"hr": one}, "hr", 20)
    'HR@20 by +.012 (+.006 to +.018), p = .001'
    """
    one = measures[measure].paired
    ends = f" ({signed(one.low)} to {signed(one.high)})" if np.isfinite(one.low) else ""
    return f"{named(measure, k)} by {signed(one.difference)}{ends}, p = {short(one.p)}"


def cell(pair: Pair) -> str:
    """Write a difference with its interval and p-value.

    >>> cell(Pair(0.5, 0.488, Paired(0.012, 0.006, 0.018, 0.001)))
    '+.012 [+.006, +.018] .001'
    """
    one = pair.paired
    return f"{signed(one.difference)} {interval(one)} {short(one.p)}"


def numbers(measures: Measures, k: int) -> dict[str, object]:
    """Give all measures for JSON."""
    return {f"{measure}@{k}": _numbers(*pair) for measure, pair in measures.items()}


def _numbers(first: float, second: float, one: Paired) -> dict[str, object]:
    ends = [round(end, 5) if np.isfinite(end) else None for end in (one.low, one.high)]
    means = {"first": round(first, 5), "second": round(second, 5), "difference": round(one.difference, 5)}
    return {**means, "interval": ends, "p": round(one.p, 5)}


def plotted(labels: Sequence[str], pairs: Sequence[Pair], *, title: str) -> str:
    """Draw differences with their intervals: an SVG element."""
    from streams.pages import plots

    every = [pair.paired for pair in pairs]
    low, high = [one.low for one in every], [one.high for one in every]
    return plots.differences(
        labels, [one.difference for one in every], low=low, high=high, title=title, unit="difference"
    )


def named(measure: str, k: int) -> str:
    """Name a measure as the field does.

    >>> named("ndcg", 20)
    'nDCG@20'
    """
    return f"{ {'hr': 'HR', 'mrr': 'MRR', 'ndcg': 'nDCG'}.get(measure, measure) }@{k}"


def interval(one: Paired) -> str:
    """Write the ends of an interval."""
    return f"[{signed(one.low)}, {signed(one.high)}]" if np.isfinite(one.low) else "[not known]"


def signed(value: float) -> str:
    """Write a difference.

    >>> signed(0.0123), signed(-0.2), signed(-0.0001)
    ('+.012', '-.200', '.000')
    """
    text = f"{value:+.3f}"
    return ".000" if float(text) == 0 else text.replace("0.", ".", 1)


def short(value: float) -> str:
    """Write a share 0..1.

    >>> short(0.0314), short(1.0)
    ('.031', '1.000')
    """
    return f"{value:.3f}".removeprefix("0")


def _columns(side: Side) -> np.ndarray:
    """Give the measures of a ranker: float64, shape (n, measures)."""
    trials, ranker = side
    return trials.values[:, trials.rankers.index(ranker)].astype(np.float64)
