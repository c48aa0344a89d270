"""How good rankings are: HR, MRR, nDCG, precision and recall at k, each a running mean over queries.

A query is a ranking and the set of products that were right. One with nothing right says nothing and is not counted. A
product that a ranking repeats counts once, at its first rank, and still takes up the place of its repetitions.

Source: LensKit's metric conventions; Järvelin & Kekäläinen 2002 for nDCG (binary relevance, log2 discount).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Sequence
from typing import TypeVar

Product = TypeVar("Product", bound=Hashable)


class Metric(ABC):
    """A mean over queries.

    Args:
        k: ranks beyond it do not count; at least 1.
    """

    short: str

    def __init__(self, k: int) -> None:
        if k < 1:
            raise ValueError("k must be at least 1")
        self.k = k
        self.queries = 0
        self._sum = 0.0

    @property
    def name(self) -> str:
        """Name the metric with its k, such as "MRR@20"."""
        return f"{self.short}@{self.k}"

    def add(self, ranking: Sequence[str], relevant: Collection[str]) -> None:
        """Count one query.

        Args:
            ranking: product ids, best first; any length.
            relevant: the right ones.
        """
        if relevant:
            self.queries += 1
            self._sum += self.value(hit_ranks(ranking, relevant, self.k), len(set(relevant)))

    def result(self) -> float:
        """Give the mean, 0..1; 0 before the first query."""
        return self._sum / self.queries if self.queries else 0.0

    @abstractmethod
    def value(self, ranks: Sequence[int], relevant: int) -> float:
        """Value one query.

        Args:
            ranks: 1-based ranks of the hits within k, ascending.
            relevant: how many products were right, at least 1.

        Returns:
            0..1.
        """


def hit_ranks(ranking: Sequence[Product], relevant: Collection[Product], k: int) -> list[int]:
    """Find the 1-based ranks within k at which a right product (by id or number) stands for the first time.

    >>> hit_ranks(["a", "b", "a", "c"], {"a", "c"}, 20)
    [1, 4]
    """
    head = ranking[:k]
    if len(relevant) == 1:  # as most queries: a list searches itself faster than a loop does
        (product,) = relevant
        return [head.index(product) + 1] if product in head else []
    left = set(relevant)
    ranks = []
    for rank, product in enumerate(head, start=1):
        if product in left:
            left.remove(product)
            ranks.append(rank)
    return ranks


class HitRate(Metric):
    """Share of queries with at least one hit.

    >>> metric = HitRate(20)
    >>> metric.add(["a", "b"], {"b"})
    >>> metric.name, metric.result()
    ('HR@20', 1.0)
    """

    short = "HR"

    def value(self, ranks: Sequence[int], relevant: int) -> float:  # noqa: ARG002
        """Give 1 for any hit."""
        return float(bool(ranks))


class ReciprocalRank(Metric):
    """One over the rank of the first hit."""

    short = "MRR"

    def value(self, ranks: Sequence[int], relevant: int) -> float:  # noqa: ARG002
        """Give 1 / rank, 0 without a hit."""
        return 1 / ranks[0] if ranks else 0.0


class NormalisedGain(Metric):
    """Discounted gain over the best possible: sum of 1 / log2(rank + 1), divided by that of all hits on top."""

    short = "nDCG"

    def value(self, ranks: Sequence[int], relevant: int) -> float:
        """Give DCG / ideal DCG."""
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(relevant, self.k) + 1))
        return sum(1 / math.log2(rank + 1) for rank in ranks) / ideal


class Precision(Metric):
    """Share of the k places that are hits; places a short ranking leaves empty are misses."""

    short = "precision"

    def value(self, ranks: Sequence[int], relevant: int) -> float:  # noqa: ARG002
        """Give hits / k."""
        return len(ranks) / self.k


class Recall(Metric):
    """Share of the right products that were found."""

    short = "recall"

    def value(self, ranks: Sequence[int], relevant: int) -> float:
        """Give hits / right ones."""
        return len(ranks) / relevant
