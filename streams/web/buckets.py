"""Token buckets: so much a second in the long run, and a burst before."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

KEPT = 50_000
"""Clients remembered; the one not seen for longest goes, and is as good as new."""


class Buckets:
    """One bucket per client.

    Args:
        per_s: what a client may take a second.
        burst: what it may take at once, after a pause.
        clock: monotonic seconds.

    >>> now = 0.0
    >>> buckets = Buckets(per_s=1, burst=2, clock=lambda: now)
    >>> buckets.take("a", 2), buckets.take("a", 1), buckets.take("b", 1)
    (0.0, 1.0, 0.0)
    >>> now = 1.0
    >>> buckets.take("a", 1)
    0.0
    """

    def __init__(self, *, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, amount: float = 1) -> float:
        """Take from a client's bucket.

        Returns:
            0 where it was taken; else seconds until it could be, and nothing is taken. More than a whole burst is taken
            from a full bucket and paid off later: it could never be taken otherwise.
        """
        now = self._clock()
        level, since = self._levels.pop(client, (self._burst, now))
        level = min(self._burst, level + (now - since) * self._per_s)
        wanted = min(amount, self._burst)
        wait_s = 0.0 if level >= wanted else (wanted - level) / self._per_s
        self._levels[client] = (level if wait_s else level - amount, now)
        if len(self._levels) > KEPT:
            self._levels.popitem(last=False)
        return wait_s


def retry_after(seconds: float) -> str:
    """Write a `Retry-After` header: whole seconds, at least one."""
    return str(max(1, math.ceil(seconds)))
