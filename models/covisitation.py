"""Decayed co-visitation: what is looked at after, and before, the last products."""

import numpy as np

from models.decay import Decay
from models.items import State, part, prefixed
from models.kernel import add_weight, compiled, drop_partners, grown, top_n
from models.pair_limit import PairLimit, mixed, take

START_ROWS = 64


@compiled
def _learn(
    ids: np.ndarray,
    weights: np.ndarray,
    used: np.ndarray,
    keys: np.ndarray,
    days: np.ndarray,
    counts: np.ndarray,
    before: np.ndarray,
    item: int,
    visitor: int,
    day: int,
    most: int,
    gain: float,
    backward: float,
) -> None:
    distance = 0
    for j in range(len(before) - 1, -1, -1):
        distance += 1
        earlier = before[j]
        if earlier == item or not take(keys, days, counts, mixed(visitor, earlier, item), day, most):
            continue
        add_weight(ids, weights, used, earlier, item, gain / distance)
        add_weight(ids, weights, used, item, earlier, gain * backward / distance)


@compiled
def _query(
    ids: np.ndarray,
    weights: np.ndarray,
    used: np.ndarray,
    recent: np.ndarray,
    decay: float,
    sums: np.ndarray,
    limit: int,
) -> tuple[np.ndarray, np.ndarray]:
    touched = np.empty(len(recent) * ids.shape[1], np.int32)
    count = 0
    share = np.float32(1.0)
    for row in recent:
        total = np.float32(1e-30)
        for j in range(used[row]):
            total += weights[row, j]
        for j in range(used[row]):
            partner = ids[row, j]
            if sums[partner] == 0.0:
                touched[count] = partner
                count += 1
            # The floor keeps a partner found by its sum even when its weight has decayed to nothing.
            sums[partner] += share * max(weights[row, j] / total, np.float32(1e-30))
        share *= np.float32(decay)
    scores = np.empty(count, np.float32)
    for t in range(count):
        scores[t] = sums[touched[t]]
        sums[touched[t]] = 0.0
    return top_n(touched, scores, count, limit)


@compiled
def _partners(ids: np.ndarray, used: np.ndarray, items: np.ndarray) -> np.ndarray:
    found = np.empty(len(items) * ids.shape[1], np.int32)
    count = 0
    for row in items:
        for j in range(used[row]):
            found[count] = ids[row, j]
            count += 1
    return found[:count]


class Covisitation:
    """Pairs within a window of visits, weight 1 / distance, forgotten with a half-life of a third of the history.

    Args:
        cap: most items.
        slots: partners kept per item.
        backward: weight of the earlier product after the later one, relative to forward.
        query_decay: weight of each earlier product of the query relative to the next.
        limit: additions a visitor may make.
        decay: the half-life.
    """

    def __init__(
        self, *, cap: int, slots: int, backward: float, query_decay: float, limit: PairLimit, decay: Decay
    ) -> None:
        self.cap = cap
        self.backward = backward
        self.query_decay = query_decay
        self.limit = limit
        self.decay = decay
        self.ids = np.zeros((START_ROWS, slots), np.int32)
        self.weights = np.zeros((START_ROWS, slots), np.float32)
        self.used = np.zeros(START_ROWS, np.int32)
        self._sums = np.zeros(START_ROWS, np.float32)

    def learn_one(self, before: np.ndarray, item: int, *, rows: int, visitor: int, day: int, weight: float) -> None:
        """Learn one visit.

        Args:
            before: int32, shape (0..window,), the items visited before, oldest first.
            item: the visited item.
            rows: rows of the item registry.
            visitor: hash of the visitor, 0..2**63-1.
            day: day of the model's clock.
            weight: 1.0, or less for a visit that our own slate brought about.
        """
        self.grow(rows)
        gain = self.decay.step() * weight
        if len(before):
            limit = self.limit
            _learn(
                self.ids, self.weights, self.used, limit.keys, limit.days, limit.counts,
                before, item, visitor, day, limit.most, gain, self.backward,
            )  # fmt: skip
        factor = self.decay.rescale()
        if factor != 1.0:
            self.weights *= np.float32(factor)

    def rank(self, recent: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Score the partners of recent items.

        Args:
            recent: int32, shape (1..10,), distinct, most recent first.
            limit: at most this many.

        Returns:
            ids int32 and scores float32, best first.
        """
        return _query(self.ids, self.weights, self.used, recent, self.query_decay, self._sums, limit)

    def partners(self, items: np.ndarray) -> np.ndarray:
        """List all partners of some items: int32, one item's after the other's, with repeats."""
        return _partners(self.ids, self.used, items)

    def weight(self, a: int, b: int) -> float:
        """Return how much `b` is visited around `a`, in events of now; 0.0 when it is not among the partners."""
        if a >= len(self.used):
            return 0.0
        found = np.flatnonzero(self.ids[a, : self.used[a]] == b)
        return float(self.weights[a, found[0]] / self.decay.gain) if len(found) else 0.0

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""
        self.grow(len(gone))
        self.used[: len(gone)][gone] = 0
        drop_partners(self.ids, self.weights, self.used, gone, len(gone))

    def grow(self, rows: int) -> None:
        """Make room for so many rows of the item registry."""
        if rows > len(self.used):
            self.ids = grown(self.ids, rows, self.cap)
            self.weights = grown(self.weights, rows, self.cap)
            self.used = grown(self.used, rows, self.cap)
            self._sums = np.zeros(len(self.used), np.float32)

    def state(self) -> State:
        """Return what decides predictions: the used slots of all rows, one after the other."""
        held = np.arange(self.ids.shape[1]) < self.used[:, None]
        return {
            "used": np.trim_zeros(self.used, "b"),
            "ids": self.ids[held],
            "weights": self.weights[held],
            **prefixed("decay", self.decay.state()),
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.grow(len(state["used"]))
        self.used[: len(state["used"])] = state["used"]
        held = np.arange(self.ids.shape[1]) < self.used[:, None]
        self.ids[held] = state["ids"]
        self.weights[held] = state["weights"]
        self.decay.restore(part("decay", state))
