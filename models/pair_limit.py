"""How often one visitor may teach one pair of products in a day, in memory that never grows."""

import numpy as np

from models.items import State
from models.kernel import compiled

WAYS = 4
DAY_MS = 86_400_000


@compiled
def mixed(visitor: int, a: int, b: int) -> np.int64:
    """Hash a visitor and an unordered pair to 0..2**63-1 (splitmix64's finaliser)."""
    x = np.uint64(visitor) ^ (np.uint64(min(a, b)) * np.uint64(0x9E3779B97F4A7C15))
    x ^= np.uint64(max(a, b)) * np.uint64(0xC2B2AE3D27D4EB4F)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((x ^ (x >> np.uint64(31))) >> np.uint64(1))


@compiled
def nth(keys: np.ndarray, days: np.ndarray, counts: np.ndarray, key: np.int64, day: int, most: int) -> int:
    """Count one addition and give which of today's it is; 0 when the pair has had its share.

    A set of four cells serves all keys that fall into it. A full set gives up its least used cell, so that pairs at
    their limit stay known longest; what is given up may be counted anew: a limit against abuse, not an account.
    """
    base = int(key) % (len(keys) // WAYS) * WAYS
    victim = base
    for cell in range(base, base + WAYS):
        if days[cell] == day and keys[cell] == key:
            if counts[cell] >= most:
                return 0
            counts[cell] += 1
            return int(counts[cell])
        if days[cell] != day:
            if days[victim] == day:
                victim = cell
        elif days[victim] == day and counts[cell] < counts[victim]:
            victim = cell
    keys[victim] = key
    days[victim] = day
    counts[victim] = 1
    return 1


@compiled
def take(keys: np.ndarray, days: np.ndarray, counts: np.ndarray, key: np.int64, day: int, most: int) -> bool:
    """Count one addition; False when the pair has had its share today."""
    return nth(keys, days, counts, key, day, most) > 0


class PairLimit:
    """The table of additions by (visitor, pair, day of the model's clock).

    Args:
        cells: 13 bytes each, a multiple of 4.
        most: additions a day, 1..255.
    """

    def __init__(self, cells: int, most: int) -> None:
        self.keys = np.zeros(cells, np.int64)
        self.days = np.full(cells, -1, np.int32)
        self.counts = np.zeros(cells, np.uint8)
        self.most = most

    def nth(self, visitor: int, a: int, b: int, day: int) -> int:
        """Count one addition of a visitor to a pair and give which of today's it is; 0 beyond their share."""
        return int(nth(self.keys, self.days, self.counts, mixed(visitor, a, b), day, self.most))

    def clear(self) -> None:
        """Start anew: the items' numbers have changed their meaning."""
        self.days[:] = -1

    def state(self) -> State:
        """Return what decides predictions: cells of a day, by index."""
        used = np.flatnonzero(self.days >= 0)
        return {"at": used, "keys": self.keys[used], "days": self.days[used], "counts": self.counts[used]}

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        used = state["at"]
        self.keys[used] = state["keys"]
        self.days[used] = state["days"]
        self.counts[used] = state["counts"]
