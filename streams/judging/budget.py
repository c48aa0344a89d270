"""USD per rolling hour."""

import math
from collections.abc import Mapping

HOUR = 60
ROUNDING_USD = 1e-9


class Budget:
    """What may be spent in any hour, by buckets of a minute.

    What a call may cost at most is reserved before it and settled after it. What is kept outside, so that a restart
    spends nothing twice, is `record()`; see `schemas.judgements.Spending`. A clock that jumps by more than an hour
    starts anew: buckets of another hour, past or future, count for nothing.

    Args:
        usd_per_hour: the limit; 0 allows no call, not even one that is free; None allows all.

    >>> budget = Budget(1.0)
    >>> budget.reserve(0.6, minute=100), budget.reserve(0.6, minute=100)
    (True, False)
    >>> budget.settle(0.6, 0.1, minute=100)
    >>> round(budget.spent(minute=159), 9), budget.spent(minute=160)
    (0.1, 0.0)
    """

    def __init__(self, usd_per_hour: float | None) -> None:
        if usd_per_hour is not None:
            _check(usd_per_hour)
        self._limit = usd_per_hour
        self._usd: dict[int, float] = {}

    def reserve(self, usd: float, minute: int) -> bool:
        """Take what a call may cost at most, if there is that much left in the hour.

        Args:
            usd: at least 0.
            minute: now, in minutes since 1970.
        """
        _check(usd)
        spent = self.spent(minute)
        if self._limit is not None and (self._limit == 0 or spent + usd > self._limit + ROUNDING_USD):
            return False
        self._usd[minute] = self._usd.get(minute, 0.0) + usd
        return True

    def settle(self, reserved: float, actual: float, minute: int) -> None:
        """Replace what was reserved by what it was.

        Args:
            reserved: what `reserve` took.
            actual: what the call cost, at least 0; more than was reserved counts in full.
            minute: the one it was reserved in; one that is over an hour old is forgotten already.
        """
        _check(reserved)
        _check(actual)
        if minute in self._usd:
            self._usd[minute] = max(0.0, self._usd[minute] + actual - reserved)

    def spent(self, minute: int) -> float:
        """Give the USD of the hour that ends with this minute, reserved ones included; forget what is older."""
        self._usd = {then: usd for then, usd in self._usd.items() if abs(then - minute) < HOUR}
        return math.fsum(self._usd.values())

    def record(self) -> dict[int, float]:
        """Give USD by minute, for `restore`; at most 119 minutes once `spent` or `reserve` was asked."""
        return dict(sorted(self._usd.items()))

    def restore(self, usd: Mapping[int, float]) -> None:
        """Go on from a record."""
        for amount in usd.values():
            _check(amount)
        self._usd = dict(usd)


def _check(usd: float) -> None:
    """Money is finite and never negative: anything else would open the budget for ever."""
    if not (math.isfinite(usd) and usd >= 0):
        raise ValueError(f"{usd} is no amount of money")
