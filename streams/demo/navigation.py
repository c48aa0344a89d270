"""How a shopper without slates gets to the next product: by the shop's own shelves, links, search and front page."""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import Literal

import numpy as np

from streams.demo.taste import Truth

Way = Literal["front_page", "search", "category", "shelf", "links", "goes_with", "back"]
"""`shelf` is the category page of the current product; `back` a second look at one seen before."""

FIRST: Mapping[Way, float] = MappingProxyType({"front_page": 0.25, "search": 0.3, "category": 0.45})
SEEKING: Mapping[Way, float] = MappingProxyType({"search": 0.6, "category": 0.3, "front_page": 0.1})
"""The first way of those who typed what they want before they came: their search leads to it."""

LATER: Mapping[Way, float] = MappingProxyType(
    {"front_page": 0.08, "search": 0.14, "category": 0.26, "shelf": 0.12, "links": 0.35, "back": 0.05}
)
AFTER_CART: Mapping[Way, float] = MappingProxyType({"goes_with": 0.45, "links": 0.25, "category": 0.2, "search": 0.1})


class Trip:
    """One visit: what the shopper is after, what they have seen, and what they will look at next.

    Args:
        truth: the hidden side of the shop.
        weights: float64, shape (n,): the shopper's chance for each item.
        open_items: bool, shape (n,): what can be met at all; new products cannot in a history.
    """

    def __init__(self, truth: Truth, weights: np.ndarray, open_items: np.ndarray) -> None:
        self._truth = truth
        self._liking = weights * open_items
        self._popular = truth.popular * open_items
        self._unseen = np.ones(len(weights))
        self._weights = weights
        self._good = float(np.partition(weights, -10)[-10])
        self.seen: list[int] = []
        self.current: int | None = None
        self.just_added = False
        self.sought: int | None = None

    def seek(self, random: Random) -> int:
        """Draw the item that the shopper is after from the start."""
        self.sought = _drawn(self._liking, random)
        return self.sought

    def look_at(self, item: int) -> None:
        """Make an item the current one."""
        self.current = item
        self.just_added = False
        if item not in self.seen:
            self.seen.append(item)
            self._unseen[item] = 0.0

    def liking(self, item: int) -> float:
        """Say how well an item fits, 0..1; the ten best of the shop are at 1."""
        return min(1.0, float(self._weights[item]) / self._good)

    def step(self, random: Random) -> tuple[Way, int]:
        """Draw the way and the item the shopper takes next."""
        chances = self._ways()
        way = random.choices(list(chances), weights=list(chances.values()))[0]
        places, shares = self._along(way)
        return way, int(places[_drawn(shares, random)])

    def best(self, k: int) -> tuple[str, ...]:
        """Rank items by the true chance that `step` takes them next: nobody can predict better."""
        total = np.zeros(len(self._weights))
        for way, chance in self._ways().items():
            places, shares = self._along(way)
            np.add.at(total, places, chance * shares)
        top = np.argpartition(-total, k)[:k]
        order = top[np.lexsort((top, -total[top]))]
        return tuple(self._truth.items[i] for i in order)

    def _ways(self) -> dict[Way, float]:
        """Give the open ways with their chances, summing to 1."""
        ways = AFTER_CART if self.just_added else LATER
        if self.current is None:
            ways = FIRST if self.sought is None else SEEKING
        chances = {way: chance for way, chance in ways.items() if self._along(way)[1].sum() > 0}
        total = sum(chances.values())
        return {way: chance / total for way, chance in chances.items()}

    def _along(self, way: Way) -> tuple[np.ndarray, np.ndarray]:
        """Give the items a way leads to and their shares, summing to 1 (or all 0: the way is closed)."""
        if way == "back":
            places = np.array([item for item in self.seen if item != self.current], np.int64)
            return places, np.full(len(places), 1 / max(len(places), 1))
        places = self._places(way)
        shares = ((self._popular if way == "front_page" else self._liking) * self._unseen)[places]
        total = shares.sum()
        return places, shares / total if total > 0 else shares

    def _places(self, way: Way) -> np.ndarray:
        truth, current = self._truth, self.current
        if way == "search" and current is None and self.sought is not None:
            return np.array([self.sought])
        if way == "shelf" and current is not None:
            return np.flatnonzero(truth.leaf == truth.leaf[current])
        if way == "links" and current is not None:
            return np.unique(truth.links[current])
        if way == "goes_with" and current is not None:
            return truth.partner[current : current + 1]
        return np.arange(len(truth.items))


def _drawn(shares: np.ndarray, random: Random) -> int:
    """Draw a place by its share."""
    cumulated = np.cumsum(shares)
    drawn = int(np.searchsorted(cumulated, random.random() * cumulated[-1], side="right"))
    return min(drawn, len(shares) - 1)
