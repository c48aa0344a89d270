"""How sure a mean over queries is, when queries of one session (or visitor) are not independent of each other.

All draws are of whole units, never of queries: a session's queries ask the same person for much the same thing, and an
interval over queries would be too narrow.

Source:
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile interval); Field and Welsh, Bootstrapping
    clustered data, JRSS B 2007 (clusters drawn with replacement); Smucker, Allan and Carterette, A comparison of
    statistical significance tests for information retrieval evaluation, CIKM 2007 (randomisation test); Phipson and
    Smyth, Permutation p-values should never be zero, 2010.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

CHUNK_CELLS = 4_000_000
"""Draws held at once: 32 MB."""

ROUNDING = 1e-9
"""Relative; two sums of the same numbers in different order count as equal."""


@dataclass(frozen=True)
class Interval:
    """A mean over queries and where it could lie; both ends are nan where nothing is known of them."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """The difference of two means over the same queries, where it could lie, and the test's p-value (above 0)."""

    difference: float
    low: float
    high: float
    p: float


def wilson(rate: float, n: float, z: float) -> tuple[float, float]:
    """Give Wilson's interval of a rate seen in n draws; it holds for rates near 0 and 1 too.

    Args:
        rate: 0..1.
        n: draws, above 0; fewer than there were where they depend on each other.
        z: quantile of the standard normal distribution.

    Returns:
        0..1 each.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".

    >>> [round(end, 3) for end in wilson(0.0, 100, 1.96)]
    [0.0, 0.037]
    """
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def intervals(
    values: np.ndarray, units: np.ndarray, *, seed: int, repeats: int = 1000, level: float = 0.95
) -> list[Interval]:
    """Bound the means of columns by the percentile bootstrap over units.

    Each repeat draws as many units as there are, with replacement, and takes the mean over all their queries; it is
    the same draw for all columns. Without queries the mean is nan. With a single unit the mean has no bounds (nan):
    how units differ cannot be told from one, and the bootstrap's width of 0 would claim certainty. Equal values give
    an interval of width 0. Below some 30 units the interval is too narrow, as every percentile interval is.

    Args:
        values: float, shape (n, m), finite.
        units: int, shape (n,): the session or visitor of each query.
        seed: of the draws; the same one gives the same intervals.
        repeats: how many draws, at least 1.
        level: the share of intervals that should hold the true mean, above 0 and below 1.

    Returns:
        One interval a column.
    """
    if len(values) != len(units):
        raise ValueError(f"every query needs a value and a unit, not {len(values)} values and {len(units)} units")
    sums, sizes = _by_unit(values, units)
    means = sums.sum(axis=0) / len(values) if len(values) else np.full(values.shape[1], nan)
    if len(sizes) < 2:
        return [Interval(float(mean), nan, nan) for mean in means]
    drawn = _drawn_means(sums, sizes, np.random.default_rng(seed), repeats)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return [Interval(*(float(part) for part in row)) for row in zip(means, low, high, strict=True)]


def paired(
    a: np.ndarray, b: np.ndarray, units: np.ndarray, *, seed: int, repeats: int = 1000, level: float = 0.95
) -> Paired:
    """Compare two rankers over the same queries: a - b with its interval, and a two-sided randomisation test.

    Under the null hypothesis the two could be swapped in any unit, so each repeat flips the sign of every unit's sum of
    differences at random. p = (1 + repeats that differ at least as much) / (1 + repeats): never 0, and 1 where there
    is nothing to compare or a single unit only.

    Args:
        a: float, shape (n,), finite.
        b: float, shape (n,), finite.
        units: int, shape (n,).
        seed: of the draws.
        repeats: how many draws of each kind, at least 1.
        level: of the interval, above 0 and below 1.
    """
    if len(a) != len(b):
        raise ValueError(f"both rankers need a value for every query, not {len(a)} and {len(b)}")
    return paired_columns(a[:, None], b[:, None], units, seed=seed, repeats=repeats, level=level)[0]


def paired_columns(
    a: np.ndarray, b: np.ndarray, units: np.ndarray, *, seed: int, repeats: int = 1000, level: float = 0.95
) -> list[Paired]:
    """Compare many pairs at once, as `paired` does; the draws are the same ones for all columns.

    Args:
        a: float, shape (n, m), finite.
        b: float, shape (n, m), finite.
        units: int, shape (n,).
        seed: of the draws.
        repeats: how many draws of each kind, at least 1.
        level: of the intervals, above 0 and below 1.

    Returns:
        One comparison a column.
    """
    difference = a.astype(np.float64) - b
    bounds = intervals(difference, units, seed=seed, repeats=repeats, level=level)
    sums, _ = _by_unit(difference, units)
    shares = _flipped_shares(sums, np.random.default_rng([seed, 1]), repeats)
    return [Paired(one.mean, one.low, one.high, float(p)) for one, p in zip(bounds, shares, strict=True)]


def holm(p: Sequence[float]) -> list[float]:
    """Adjust the p-values of several tests: one below .05 then stands for a chance of 5 % that any of them is wrong.

    Source:
        Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, least = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        least = max(least, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = least
    return adjusted


def _by_unit(values: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add up the queries of each unit: float64, shape (units, m), and their numbers, int64, shape (units,)."""
    names, unit = np.unique(units, return_inverse=True)
    columns = [np.bincount(unit, column, len(names)) for column in values.T]
    return np.array(columns).reshape(values.shape[1], len(names)).T, np.bincount(unit, minlength=len(names))


def _drawn_means(sums: np.ndarray, sizes: np.ndarray, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Take the means of draws with replacement: float64, shape (repeats, m)."""
    units = len(sizes)
    totals = np.column_stack([sums, sizes])
    means = np.empty((repeats, sums.shape[1]))
    rows = max(1, CHUNK_CELLS // units)
    for start in range(0, repeats, rows):
        times = np.empty((min(rows, repeats - start), units))
        for row in times:
            row[:] = np.bincount(rng.integers(units, size=units), minlength=units)
        drawn = times @ totals
        means[start : start + rows] = drawn[:, :-1] / drawn[:, -1:]
    return means


def _flipped_shares(sums: np.ndarray, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Give the shares of sign flips, the observed one among them, whose totals are at least as far from 0.

    Args:
        sums: float64, shape (units, m).
        rng: of the flips.
        repeats: how many.

    Returns:
        float64, shape (m,), above 0.
    """
    sums = sums[sums.any(axis=1)]
    least = np.abs(sums.sum(axis=0)) - ROUNDING * np.abs(sums).sum(axis=0)
    as_far = np.ones(sums.shape[1])
    rows = max(1, CHUNK_CELLS // max(1, len(sums)))
    for start in range(0, repeats, rows):
        signs = rng.integers(2, size=(min(rows, repeats - start), len(sums)), dtype=np.int8) * 2.0 - 1.0
        as_far += np.count_nonzero(np.abs(signs @ sums) >= least, axis=0)
    return as_far / (1 + repeats)
