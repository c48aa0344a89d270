"""How often somebody may try a key."""

import time
from collections import OrderedDict
from collections.abc import Callable

BURST = 5
EVERY_S = 12.0
CLIENTS = 10_000


class Attempts:
    """A bucket of attempts for each client, and one that is filled anew with time.

    Args:
        burst: attempts at once.
        every_s: time until another is given.
        clock: monotonic seconds.

    >>> now = 0.0
    >>> attempts = Attempts(burst=2, every_s=10, clock=lambda: now)
    >>> [attempts.take("a") for _ in range(3)]
    [0.0, 0.0, 10.0]
    >>> now = 10.0
    >>> attempts.take("a"), attempts.take("b")
    (0.0, 0.0)
    """

    def __init__(
        self, *, burst: int = BURST, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._every_s, self._clock = burst, every_s, clock
        self._spent: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> float:
        """Take an attempt; gives 0, or the seconds to wait for the next one."""
        now = self._clock()
        full_at = max(now, self._spent.pop(client, now))
        wait_s = full_at + self._every_s - now - self._burst * self._every_s
        self._spent[client] = full_at if wait_s > 0 else full_at + self._every_s
        if len(self._spent) > CLIENTS:
            self._spent.popitem(last=False)
        return max(0.0, wait_s)
