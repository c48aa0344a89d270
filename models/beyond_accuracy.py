"""What lists are like apart from being right: how much of the catalogue they show, how popular, how varied.

A ranker can win on hits by showing everybody the same bestsellers; these figures tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Literal

import numpy as np

from models.exposure_audit import gini as plain_gini
from models.kernel import compiled, grown
from models.trials import COLD_BELOW

MOST_ITEMS = 2**31
"""Item numbers are below."""


@dataclass(frozen=True)
class Qualities:
    """What a ranker's lists were like; every figure is nan where nothing tells it.

    `popularity`, `novelty`, `diversity` and `cold` are means over lists of the mean over a list's products.

    Args:
        lists: lists with at least one product; empty ones are counted nowhere.
        coverage: share of the catalogue that was in any list, 0..1.
            Source: Ge, Delgado-Battenfeld and Jannach, RecSys 2010 (catalogue coverage).
        gini: how unequally places were given to the catalogue's products: 0 = to all alike, 1 = all to one.
            Source: Shani and Gunawardana, Evaluating recommendation systems, 2011 (sales diversity).
        popularity: learned events of the listed, at the time of the list.
            Source: Yin et al., Challenging the long tail recommendation, VLDB 2012 (average popularity).
        novelty: -log2 of the listed products' share of all learned events, in bits. Shares are smoothed by one event
            each (Laplace), so that a product without events has one. Source: Zhou et al., PNAS 2010 (surprisal).
        diversity: mean of 1 - likeness over a list's pairs, 0..2. Source: Smyth and McClave, ICCBR 2001.
        diversity_by: what likeness is: the cosine of vectors; 1 in the same category and 0 in another; or unknown.
        cold: share of the listed with fewer than `COLD_BELOW` learned events at the time of the list, 0..1.
            Source: Abdollahpouri, Burke and Mobasher, FLAIRS 2019 (average percentage of the long tail).
    """

    lists: int
    coverage: float
    gini: float
    popularity: float
    novelty: float
    diversity: float
    diversity_by: Literal["vectors", "categories", "nothing"]
    cold: float


class BeyondAccuracy:
    """Adds up one ranker's lists. Item numbers keep their meaning throughout.

    Diversity is by vectors where any are given, else by categories, never by both: their scales differ. Products that
    have none are left out of the pairs, and lists without a pair out of the mean.

    Args:
        k: only the first k of a list count; at least 1.
        vectors: float32, shape (items, dim), rows of length 1, or 0 where an item has none; items beyond have none.
        categories: int, shape (items,): numbers of leaf categories, negative where unknown; items beyond are unknown.
    """

    def __init__(self, *, k: int, vectors: np.ndarray | None = None, categories: np.ndarray | None = None) -> None:
        if k < 1:
            raise ValueError("k must be at least 1")
        self.k = k
        self._vectors = vectors
        self._categories = categories
        self._exposure = np.zeros(256, np.int64)
        self._sums = np.zeros(3)
        self._lists = 0
        self._spread = 0.0
        self._with_pairs = 0

    def add(self, listed: Sequence[int] | np.ndarray, *, learned: np.ndarray, total: int) -> None:
        """Count one list; a repeated item counts once.

        Args:
            listed: item numbers, best first, any length; an empty list is not counted.
            learned: int64, shape (items,): events learned so far of every item known so far.
            total: their sum, which the caller has at hand.

        Raises:
            ValueError: an item that is not known.
        """
        head = np.asarray(listed[: self.k], np.int64)
        if not len(head):
            return
        self._exposure = grown(self._exposure, len(learned), MOST_ITEMS)
        items = _shown(head, learned, total, self._exposure, self._sums)
        if not len(items):
            unknown = next(item for item in head.tolist() if not 0 <= item < len(learned))
            raise ValueError(f"item {unknown} is not known: `learned` counts items 0 to {len(learned) - 1}")
        self._lists += 1
        spread = self._spread_of(items)
        if spread >= 0:
            self._spread += spread
            self._with_pairs += 1

    def result(self, catalogue: np.ndarray) -> Qualities:
        """Give the figures so far.

        Args:
            catalogue: int, shape (n,): distinct numbers of the items that could have been listed. Where there is no
                catalogue, all items known.
        """
        exposure = grown(self._exposure, int(catalogue.max(initial=-1)) + 1, MOST_ITEMS)[catalogue]
        popularity, novelty, cold = (self._sums / self._lists if self._lists else np.full(3, nan)).tolist()
        by: Literal["vectors", "categories", "nothing"] = "nothing" if self._categories is None else "categories"
        return Qualities(
            lists=self._lists,
            coverage=float(np.mean(exposure > 0)) if len(exposure) else nan,
            gini=gini(exposure),
            popularity=popularity,
            novelty=novelty,
            diversity=self._spread / self._with_pairs if self._with_pairs else nan,
            diversity_by=by if self._vectors is None else "vectors",
            cold=cold,
        )

    def _spread_of(self, items: np.ndarray) -> float:
        """Give a list's mean distance over pairs; -1 where there is no pair."""
        if self._vectors is not None:
            return _vector_spread(items, self._vectors)
        return -1.0 if self._categories is None else _category_spread(items, self._categories)


def gini(exposure: np.ndarray) -> float:
    """Measure how unequal counts are, on a scale that ends at 1: n / (n - 1) times the Gini coefficient.

    Args:
        exposure: int, shape (n,), at least 0 each.

    Returns:
        0..1: 0 when all are equal, 1 when one has all; nan for fewer than two counts or nothing but zeros.

    >>> gini(np.array([3, 3, 3])), gini(np.array([0, 9, 0])), gini(np.array([1, 2]))
    (0.0, 1.0, 0.3333333333333333)
    """
    n = len(exposure)
    if n < 2 or not exposure.any():
        return nan
    return plain_gini(exposure) * n / (n - 1)


@compiled
def _shown(listed: np.ndarray, learned: np.ndarray, total: int, exposure: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Count the distinct items of a list and return them; an unknown one counts nothing and returns none."""
    items = np.empty(len(listed), np.int64)
    size = 0
    for item in listed:
        if item < 0 or item >= len(learned):
            return items[:0]
        known = False
        for t in range(size):
            known = known or items[t] == item
        if not known:
            items[size] = item
            size += 1
    all_bits = np.log2(float(total + len(learned)))
    for item in items[:size]:
        exposure[item] += 1
        sums[0] += learned[item] / size
        sums[1] += (all_bits - np.log2(learned[item] + 1.0)) / size
        sums[2] += (learned[item] < COLD_BELOW) / size
    return items[:size]


@compiled
def _vector_spread(items: np.ndarray, vectors: np.ndarray) -> float:
    """Average 1 - cosine over pairs, in one pass: the vectors' sum squared is their number and twice all cosines."""
    together = np.zeros(vectors.shape[1])
    size = 0
    own = 0.0
    for item in items:
        length = 0.0
        if item < len(vectors):
            for d in range(vectors.shape[1]):
                together[d] += vectors[item, d]
                length += vectors[item, d] * vectors[item, d]
        size += length > 0
        own += length
    if size < 2:
        return -1.0
    return max(0.0, 1 - ((together * together).sum() - own) / (size * (size - 1)))


@compiled
def _category_spread(items: np.ndarray, categories: np.ndarray) -> float:
    """Give the share of pairs that are of two categories."""
    pairs, unlike = 0, 0
    for i in range(len(items)):
        for j in range(i):
            a, b = items[i], items[j]
            if max(a, b) < len(categories) and categories[a] >= 0 and categories[b] >= 0:
                pairs += 1
                unlike += categories[a] != categories[b]
    return unlike / pairs if pairs else -1.0
