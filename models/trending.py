"""Recent popularity: the best few hundred items, exact at every moment."""

import math

import numpy as np

from models.decay import Decay
from models.items import State, part, prefixed
from models.kernel import compiled, grown

START_ROWS = 64
TOP = 256


@compiled
def _bump(weight: np.ndarray, place: np.ndarray, top: np.ndarray, size: np.ndarray, item: int, delta: float) -> None:
    """Add to an item's weight and keep the list in order; weights only grow, so nobody else can enter or leave it."""
    weight[item] += delta
    at = place[item] - 1
    if at < 0:
        if size[0] < len(top):
            at = size[0]
            size[0] += 1
        elif weight[item] > weight[top[len(top) - 1]]:
            at = len(top) - 1
            place[top[at]] = 0
        else:
            return
    while at > 0 and weight[top[at - 1]] < weight[item]:
        top[at] = top[at - 1]
        place[top[at]] = at + 1
        at -= 1
    top[at] = item
    place[item] = at + 1


class Trending:
    """Popularity with a half-life in events.

    Args:
        cap: most items.
        decay: the half-life.

    Attributes:
        weight: float64, by item, in events of the beginning.
        total: its sum.
    """

    def __init__(self, *, cap: int, decay: Decay) -> None:
        self.cap = cap
        self.decay = decay
        self.weight = np.zeros(START_ROWS)
        self.total = 0.0
        self._place = np.zeros(START_ROWS, np.int32)
        self._top = np.zeros(TOP, np.int32)
        self._size = np.zeros(1, np.int64)

    def learn_one(self, item: int, *, rows: int, weight: float) -> None:
        """Count one event; `weight` > 0."""
        self.grow(rows)
        more = self.decay.step() * weight
        _bump(self.weight, self._place, self._top, self._size, item, more)
        self.total += more
        factor = self.decay.rescale()
        if factor != 1.0:
            self.weight *= factor
            self.total *= factor

    def weights_of(self, items: np.ndarray) -> np.ndarray:
        """Return the weights of items, int32, shape (n,), in events of now: float32, 0 for what was never counted."""
        known = items < len(self.weight)
        weights = np.where(known, self.weight[np.where(known, items, 0)], 0.0)
        return (weights / self.decay.gain).astype(np.float32)

    def rank(self, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ids int32 and weights float32 in events of now, best first; at most 256."""
        ids = self._top[: min(limit, int(self._size[0]))]
        return ids.copy(), (self.weight[ids] / self.decay.gain).astype(np.float32)

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""
        self.grow(len(gone))
        self.weight[: len(gone)][gone] = 0.0
        self.total = math.fsum(self.weight)  # whatever the array's length, the same to the last bit
        self._rebuild()

    def _rebuild(self) -> None:
        live = np.flatnonzero(self.weight)
        best = live[np.lexsort((live, -self.weight[live]))][:TOP]
        self._top[: len(best)] = best
        self._size[0] = len(best)
        self._place[:] = 0
        self._place[best] = np.arange(1, len(best) + 1)

    def grow(self, rows: int) -> None:
        """Make room for so many rows of the item registry."""
        if rows <= len(self.weight):
            return
        self.weight = grown(self.weight, rows, self.cap)
        self._place = grown(self._place, rows, self.cap)

    def state(self) -> State:
        """Return what decides predictions."""
        top = self._top[: self._size[0]]
        total = np.array([self.total])
        return {
            "weight": np.trim_zeros(self.weight, "b"),
            "total": total,
            "top": top,
            **prefixed("decay", self.decay.state()),
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.grow(len(state["weight"]))
        self.weight[: len(state["weight"])] = state["weight"]
        self.total = float(state["total"][0])
        top = state["top"]
        self._top[: len(top)] = top
        self._size[0] = len(top)
        self._place[top] = np.arange(1, len(top) + 1)
        self.decay.restore(part("decay", state))
