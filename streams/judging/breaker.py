"""A server that fails is left alone for a while."""

import random
from collections import deque
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "half_open", "open"]

LEVELS: dict[State, int] = {"closed": 0, "half_open": 1, "open": 2}
"""What the gauge shows."""

LONGEST_AFTER_S = 3600.0
"""A server that asks for more is asked again all the same: nobody would notice that it has long been back."""

SPREAD = 0.25
"""Workers whose breakers opened together must not probe together."""


class CircuitBreaker:
    """Closed, open after failures, half open with one probe at a time.

    It opens when `failures` of the last `window` calls have failed, none of them older than `window_s`, or at once
    when the server says for how long it wants to be left alone. A probe that fails doubles the time, one that is
    answered closes it. All times are those of the caller's monotonic clock, in seconds.

    Args:
        failures: so many open it.
        window: of so many calls.
        window_s: older calls do not count.
        open_s: how long it stays open, first.
        most_s: how long at most.
        jitter: a draw from 0..1; up to a quarter of the time is taken off.

    Source:
        M. Nygard, Release It! (2nd edition, 2018), Circuit Breaker; the doubling is ours.

    >>> breaker = CircuitBreaker(failures=1, open_s=10, jitter=lambda: 0.0)
    >>> breaker.failed(breaker.ask(0.0), 0.0)
    >>> breaker.state(9.9), breaker.ask(9.9), breaker.state(10.0)
    ('open', None, 'half_open')
    >>> probe = breaker.ask(10.0)
    >>> breaker.ask(10.0) is None  # one at a time
    True
    >>> breaker.answered(probe, 10.5)
    >>> breaker.state(10.5)
    'closed'
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        window: int = 10,
        window_s: float = 60.0,
        open_s: float = 10.0,
        most_s: float = 120.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._failures = failures
        self._window_s = window_s
        self._open_s = open_s
        self._most_s = most_s
        self._jitter = jitter
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=window)
        self._until: float | None = None
        self._openings = 0
        self._probing = False
        self._period = 0  # a call of an earlier one says nothing about this one

    def state(self, now: float) -> State:
        """Say how it stands."""
        if self._until is None:
            return "closed"
        return "open" if now < self._until else "half_open"

    def wait_s(self, now: float) -> float:
        """Give the seconds until a call may be let through; 0 is now."""
        return 0.0 if self._until is None else max(0.0, self._until - now)

    def ask(self, now: float) -> int | None:
        """Ask for a call.

        Returns:
            A ticket to report its outcome with, exactly once; None when there must be no call.
        """
        if self._until is not None:
            if self._probing or now < self._until:
                return None
            self._probing = True
        return self._period

    def answered(self, ticket: int, now: float) -> None:
        """Report that the server answers, whatever it said."""
        if ticket != self._period:
            return
        if self._until is None:
            self._outcomes.append((now, False))
        else:
            self._next(None)
            self._openings = 0

    def failed(self, ticket: int, now: float, after_s: float | None = None) -> None:
        """Report that it did not; `after_s` is how long it wants to be left alone."""
        asked_s = min(after_s or 0.0, LONGEST_AFTER_S) * (1 + SPREAD * self._jitter())
        own_s = self._own_s() if ticket == self._period and self._fails(now) else 0.0
        if own_s or asked_s:
            self._next(max(now + max(own_s, asked_s), self._until or 0.0))

    def dropped(self, ticket: int) -> None:
        """Report that there was no call after all, or that nobody waited for it; nothing after a report."""
        if ticket == self._period:
            self._probing = False

    def _fails(self, now: float) -> bool:
        if self._until is not None:  # the probe
            return True
        self._outcomes.append((now, True))
        return sum(failed for at, failed in self._outcomes if now - at < self._window_s) >= self._failures

    def _own_s(self) -> float:
        own_s = min(self._open_s * 2.0**self._openings, self._most_s)
        self._openings = min(self._openings + 1, 32)
        return own_s * (1 - SPREAD * self._jitter())

    def _next(self, until: float | None) -> None:
        self._until = until
        self._probing = False
        self._period += 1
        self._outcomes.clear()
