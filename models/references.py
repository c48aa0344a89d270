"""Two rankings that cost nothing to have; what cannot beat them is not worth running.

Both are prequential: ask `rank`, then `learn_one`, event by event in event-time order.
"""

import heapq
from bisect import bisect_left, insort
from collections import OrderedDict

_RESCALE_AT = 1e100


class RecentPopularity:
    """Products by clicks, each worth half as much every `half_life` events.

    The newest click is given a growing weight instead of shrinking all the others, so only the clicked product's place
    can change and the top is kept exactly in O(k) an event.

    Args:
        k: length of the ranking.
        half_life: in events; infinite to count them all alike.
    """

    def __init__(self, *, k: int = 20, half_life: float = 5000) -> None:
        self.k = k
        self._growth = 2 ** (1 / half_life)
        self._weight = 1.0
        self._counts: dict[str, float] = {}
        self._top: list[tuple[float, str]] = []  # (-count, product id): ascending is best first, ties by id

    def learn_one(self, product_id: str) -> None:
        """Count one click."""
        before = self._counts.get(product_id, 0.0)
        after = self._counts[product_id] = before + self._weight
        if len(self._top) < self.k or (-after, product_id) < self._top[-1]:
            at = bisect_left(self._top, (-before, product_id))
            if self._top[at : at + 1] == [(-before, product_id)]:
                del self._top[at]
            insort(self._top, (-after, product_id))
            del self._top[self.k :]
        self._weight *= self._growth
        if self._weight > _RESCALE_AT:
            self._rescale()

    def rank(self) -> list[str]:
        """Rank the k most popular products, ties by id."""
        return [product_id for _, product_id in self._top]

    def _rescale(self) -> None:
        """Keep the weights finite; counts too small to ever matter again are dropped."""
        scaled = {product_id: count / self._weight for product_id, count in self._counts.items()}
        self._counts = {product_id: count for product_id, count in scaled.items() if count > 1e-12}
        self._top = sorted((-self._counts[name], name) for _, name in self._top if name in self._counts)
        self._weight = 1.0


class LastItemCooccurrence:
    """Products by how often they were clicked right after the session's last product; the same one may follow itself.

    Exact until a bound is reached. Then a product that is followed by too many others keeps the better half of them,
    and of too many pairs in all those go whose first product nobody has gone on from for longest.

    Args:
        k: length of the ranking, at most half of `most_next`.
        most_next: products that may follow one.
        most_pairs: pairs in all, some 100 bytes each.
    """

    def __init__(self, *, k: int = 20, most_next: int = 1_000, most_pairs: int = 2_000_000) -> None:
        self.k = k
        self._most_next = most_next
        self._most_pairs = most_pairs
        self._pairs = 0
        self._next: OrderedDict[str, dict[str, int]] = OrderedDict()

    def learn_one(self, last: str, product_id: str) -> None:
        """Count one step from `last` to `product_id` within a session."""
        counts = self._next.setdefault(last, {})
        self._next.move_to_end(last)
        self._pairs -= len(counts)
        counts[product_id] = counts.get(product_id, 0) + 1
        if len(counts) > self._most_next:
            counts = self._next[last] = dict(_best(counts, self._most_next // 2))
        self._pairs += len(counts)
        while self._pairs > self._most_pairs:
            self._pairs -= len(self._next.popitem(last=False)[1])

    def rank(self, last: str | None) -> list[str]:
        """Rank what followed `last`, ties by id; empty without one."""
        counts = self._next.get(last, {}) if last is not None else {}
        return [product_id for product_id, _ in _best(counts, self.k)]


def _best(counts: dict[str, int], most: int) -> list[tuple[str, int]]:
    return heapq.nsmallest(most, counts.items(), key=lambda one: (-one[1], one[0]))
