"""How sure a mean over queries is, when queries of one session (or visitor) are not independent of each other.

All draws are of whole units, never of queries: a session's queries ask the same person for much the same thing, and an
interval over queries would be too narrow.

Source:
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile interval); Field and Welsh, Bootstrapping
    clustered data, JRSS B 2007 (clusters drawn with replacement); Smucker, Allan and Carterette, A comparison of
    statistical significance tests for information retrieval evaluation, CIKM 2007 (randomisation test); Phipson and
    Smyth, Permutation p-values should never be zero, 2010.
"""

from dataclasses import dataclass
from math import nan

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
    difference = (a.astype(np.float64) - b)[:, None]
    bounds = intervals(difference, units, seed=seed, repeats=repeats, level=level)[0]
    sums, _ = _by_unit(difference, units)
    p = _flipped_share(sums[:, 0], np.random.default_rng([seed, 1]), repeats)
    return Paired(bounds.mean, bounds.low, bounds.high, p)


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


def _flipped_share(sums: np.ndarray, rng: np.random.Generator, repeats: int) -> float:
    """Give the share of sign flips, the observed one among them, whose total is at least as far from 0."""
    sums = sums[sums != 0]
    least = abs(sums.sum()) - ROUNDING * np.abs(sums).sum()
    as_far = 0
    rows = max(1, CHUNK_CELLS // max(1, len(sums)))
    for start in range(0, repeats, rows):
        signs = rng.integers(2, size=(min(rows, repeats - start), len(sums)), dtype=np.int8) * 2.0 - 1.0
        as_far += int(np.count_nonzero(np.abs(signs @ sums) >= least))
    return (1 + as_far) / (1 + repeats)
