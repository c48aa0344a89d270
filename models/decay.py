"""Forgetting by growth: later events weigh more, so that nothing old has to be touched."""

import numpy as np

from models.items import State

UPDATE_EVERY = 10_000
OVERFLOW = 1e20


class Decay:
    """The weight of the next event; it doubles every half-life, which follows the length of the history.

    half-life in events = clamp(events seen x share, shortest, longest), looked at every 10,000 events.

    Args:
        share: fraction of the history, > 0.
        shortest: events, > 0.
        longest: events.
    """

    def __init__(self, share: float, shortest: float, longest: float) -> None:
        self.share = share
        self.shortest = shortest
        self.longest = longest
        self.seen = 0
        self.gain = 1.0
        self._rate = 2.0 ** (1.0 / self.half_life)

    @property
    def half_life(self) -> float:
        """The half-life in use, in events.

        >>> decay = Decay(1 / 3, 5_000, 3_000_000)
        >>> decay.half_life
        5000
        """
        looked = self.seen // UPDATE_EVERY * UPDATE_EVERY
        return min(self.longest, max(self.shortest, looked * self.share))

    def step(self) -> float:
        """Count one event; return its weight."""
        self.gain *= self._rate
        self.seen += 1
        if self.seen % UPDATE_EVERY == 0:
            self._rate = 2.0 ** (1.0 / self.half_life)
        return self.gain

    def rescale(self) -> float:
        """Return what to multiply all weights with now: 1.0 unless the gain has become too large for float32."""
        if self.gain < OVERFLOW:
            return 1.0
        factor = 1.0 / self.gain
        self.gain = 1.0
        return factor

    def state(self) -> State:
        """Return what decides predictions."""
        return {"seen": np.array([self.seen], np.int64), "gain": np.array([self.gain])}

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.seen = int(state["seen"][0])
        self.gain = float(state["gain"][0])
        self._rate = 2.0 ** (1.0 / self.half_life)
