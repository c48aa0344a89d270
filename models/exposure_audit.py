"""Who gets shown: how exposure is spread over products and groups, beside what people want.

Exposure is counted in two ways: plain (a shown product is a shown product) and weighted by how likely its rank is
looked at. Demand is what people do with products: clicks, carts, purchases.

Source: Singh & Joachims 2018, "Fairness of Exposure in Rankings" (exposure by examination, held against merit; the
discount is DCG's); Fleder & Hosanagar 2009, "Blockbuster Culture's Next Rise or Fall" (Gini coefficient of products).
"""

from typing import NamedTuple

import numpy as np

DECILES = 10

DRAWS = 8
"""How often the more numerous side is thinned: one draw's Gini is off by about .01."""


def examination(ranks: np.ndarray) -> np.ndarray:
    """Say how likely ranks are looked at, relative to the first: 1 / log2(rank + 1).

    Args:
        ranks: 1-based, shape (n,).

    Returns:
        float64, shape (n,), 0..1.

    >>> examination(np.array([1, 3])).tolist()
    [1.0, 0.5]
    """
    return 1.0 / np.log2(np.asarray(ranks, np.float64) + 1.0)


def gini(counts: np.ndarray) -> float:
    """Measure how unequal counts are: 0 when all are equal, (n - 1) / n when one product has everything.

    G = sum of (2 i - n - 1) x_i / (n sum of x_i), x ascending, i from 1.

    Args:
        counts: at least 0, shape (n,).

    Returns:
        0..1; nan without any count.

    >>> gini(np.array([1, 1, 1, 1])), gini(np.array([0, 0, 0, 4]))
    (0.0, 0.75)
    """
    total = float(np.sum(counts))
    if not total:
        return float("nan")
    ordered = np.sort(np.asarray(counts, np.float64))
    n = len(ordered)
    return float(np.dot(2.0 * np.arange(1, n + 1) - n - 1.0, ordered) / (n * total))


def thinned(counts: np.ndarray, total: int, rng: np.random.Generator) -> np.ndarray:
    """Draw so many of what was counted, without putting back: few counts look more unequal than many do.

    Args:
        counts: whole numbers at least 0, shape (n,).
        total: how many to draw; all where there are no more.
        rng: seeded.

    Returns:
        int64, shape (n,).

    Source: Hurlbert 1971, "The Nonconcept of Species Diversity" (rarefaction).
    """
    whole = np.asarray(counts, np.int64)
    if total >= int(whole.sum()):
        return whole
    return rng.multivariate_hypergeometric(whole, total, method="marginals")


def popularity_deciles(demand: np.ndarray) -> np.ndarray:
    """Cut products into ten equal parts by demand, 0 the most wanted; equal demand keeps the given order.

    Args:
        demand: shape (n,).

    Returns:
        int64, shape (n,), 0..9.
    """
    n = len(demand)
    deciles = np.empty(n, np.int64)
    deciles[np.argsort(-np.asarray(demand), kind="stable")] = np.arange(n) * DECILES // max(n, 1)
    return deciles


def shares(amounts: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """Give each group's share of an amount.

    Args:
        amounts: at least 0, shape (n,).
        groups: which group each is of, 0..count-1, shape (n,).
        count: number of groups.

    Returns:
        float64, shape (count,), summing to 1; nan without any amount.
    """
    sums = np.bincount(groups, weights=amounts, minlength=count)
    total = sums.sum()
    return sums / total if total else np.full(count, np.nan)


class Amplification(NamedTuple):
    """How much more skewed exposure is than behaviour.

    `gini_ratio` compares Ginis of equally many shown products and touches, drawn from the more numerous; `gini_shown`
    and `gini_demand` are of all there are. `top_ratio` compares the shares of the most wanted decile; above 1 means
    that what is wanted most is shown even more. A ratio to nothing is infinite, of nothing to nothing 1; nan where
    either side has no counts.
    """

    gini_shown: float
    gini_demand: float
    gini_ratio: float
    top_shown: float
    top_demand: float
    top_ratio: float


def amplification(
    shown: np.ndarray, examined: np.ndarray, demand: np.ndarray, rng: np.random.Generator
) -> Amplification:
    """Hold exposure against behaviour.

    Args:
        shown: times each product was shown, int, shape (n,).
        examined: the same weighted by examination, float64, shape (n,).
        demand: touches of each product, int, shape (n,).
        rng: seeded; draws from the more numerous of both.
    """
    total = min(int(shown.sum()), int(demand.sum()))
    fewer = [float(np.mean([gini(thinned(counts, total, rng)) for _ in range(DRAWS)])) for counts in (shown, demand)]
    deciles = popularity_deciles(demand)
    tops = [float(shares(amounts, deciles, DECILES)[0]) for amounts in (examined, demand)]
    return Amplification(
        gini(shown), gini(demand), ratio(fewer[0], fewer[1]), tops[0], tops[1], ratio(tops[0], tops[1])
    )


def ratio(above: float, below: float) -> float:
    """Divide; nothing by nothing is 1, anything by nothing infinite.

    >>> ratio(0.6, 0.3), ratio(0.0, 0.0), ratio(0.1, 0.0)
    (2.0, 1.0, inf)
    """
    if below:
        return above / below
    return 1.0 if above == 0 else above * float("inf")


def coverage(shown: np.ndarray) -> float:
    """Give the share of products that were shown at all, 0..1; nan without products."""
    return float(np.mean(np.asarray(shown) > 0)) if len(shown) else float("nan")
