"""What a person comes back to: items by decayed frequency, for each user or visitor."""

import numpy as np

from models.items import Registry, State, part, prefixed
from models.kernel import add_weight, compiled, drop_partners, grown, top_n

START_ROWS = 64


@compiled
def _learn(
    ids: np.ndarray,
    weights: np.ndarray,
    used: np.ndarray,
    row: int,
    fade: float,
    item: int,
    delta: float,
) -> None:
    for j in range(used[row]):
        weights[row, j] *= np.float32(fade)
    if delta > 0:
        add_weight(ids, weights, used, row, item, delta)
        return
    for j in range(used[row]):
        if ids[row, j] == item:
            weights[row, j] = max(np.float32(0.0), weights[row, j] + np.float32(delta))


class History:
    """Personal frequency; weights halve every so many days of the model's clock.

    Args:
        cap: most people; the longest unseen go first.
        slots: items kept of each; the weakest goes first.
        half_life_days: > 0.
    """

    def __init__(self, *, cap: int, slots: int, half_life_days: float) -> None:
        self.keys = Registry(cap)
        self.half_life_ms = half_life_days * 86_400_000
        self.ids = np.zeros((START_ROWS, slots), np.int32)
        self.weights = np.zeros((START_ROWS, slots), np.float32)
        self.used = np.zeros(START_ROWS, np.int32)
        self.at_ms = np.zeros(START_ROWS, np.int64)

    def learn_one(self, key: str, item: int, *, weight: float, at_ms: int) -> None:
        """Add an event's kind weight to a person's item; negative weights take away, at most to 0."""
        if self.keys.get(key) < 0:
            for gone in self.keys.make_room(1).tolist():
                self.used[gone] = 0
            self._grow(self.keys.rows + 1)
        row = self.keys.intern(key)
        fade = 2.0 ** (-max(0, at_ms - int(self.at_ms[row])) / self.half_life_ms) if self.used[row] else 1.0
        self.at_ms[row] = at_ms
        _learn(self.ids, self.weights, self.used, row, fade, item, weight)

    def rank(self, key: str, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a person's item ids int32 and weights float32 > 0, best first; as of their latest event."""
        row = self.keys.get(key)
        size = int(self.used[row]) if row >= 0 else 0
        ids, weights = top_n(self.ids[row], self.weights[row], size, limit)
        kept = weights > 0
        return ids[kept], weights[kept]

    def identify(self, visitor: str, user: str) -> None:
        """Hand a visitor's history to the user, adding to what the user has."""
        row = self.keys.get(visitor)
        if row < 0 or visitor == user:
            return
        if self.keys.get(user) < 0:
            self.keys.rename(visitor, user)
            return
        at_ms = max(int(self.at_ms[row]), int(self.at_ms[self.keys.get(user)]))
        fade = 2.0 ** (-(at_ms - int(self.at_ms[row])) / self.half_life_ms)
        for item, weight in zip(self.ids[row, : self.used[row]].tolist(), self.weights[row].tolist(), strict=False):
            if weight > 0:
                self.learn_one(user, item, weight=weight * fade, at_ms=at_ms)
        self.forget(visitor)

    def forget(self, key: str) -> None:
        """Erase a person."""
        row = self.keys.remove(key)
        if row >= 0:
            self.used[row] = self.at_ms[row] = 0
            self.ids[row] = 0
            self.weights[row] = 0.0

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""
        drop_partners(self.ids, self.weights, self.used, gone, self.keys.rows)

    def _grow(self, rows: int) -> None:
        if rows <= len(self.used):
            return
        cap = max(rows, self.keys.cap)
        self.ids = grown(self.ids, rows, cap)
        self.weights = grown(self.weights, rows, cap)
        self.used = grown(self.used, rows, cap)
        self.at_ms = grown(self.at_ms, rows, cap)

    def state(self) -> State:
        """Return what decides predictions."""
        rows = self.keys.rows
        held = np.arange(self.ids.shape[1]) < self.used[:rows, None]
        return {
            **prefixed("keys", self.keys.state()),
            "used": self.used[:rows],
            "at_ms": self.at_ms[:rows],
            "ids": self.ids[:rows][held],
            "weights": self.weights[:rows][held],
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.keys.restore(part("keys", state))
        rows = self.keys.rows
        self._grow(rows)
        self.used[:rows] = state["used"]
        self.at_ms[:rows] = state["at_ms"]
        held = np.arange(self.ids.shape[1]) < self.used[:rows, None]
        self.ids[:rows][held] = state["ids"]
        self.weights[:rows][held] = state["weights"]
