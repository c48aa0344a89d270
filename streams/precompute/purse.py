"""The money of one run."""

from streams.judging.budget import Budget

ALL_ONE = 0
"""The minute that everything is spent in: what a run may cost does not come back after an hour."""


class RunPurse:
    """Pays for one run's calls, and for no more than it may cost.

    Args:
        most_usd: what it may cost in all.
    """

    def __init__(self, most_usd: float) -> None:
        self._budget = Budget(most_usd)
        self.calls = 0

    @property
    def spent_usd(self) -> float:
        """Give what the calls have cost; those that nobody saw the end of, at most."""
        return self._budget.spent(ALL_ONE)

    async def reserve(self, usd: float) -> int | None:
        """Take what one call costs at most; None when there is not that much left."""
        if not self._budget.reserve(usd, ALL_ONE):
            return None
        self.calls += 1
        return ALL_ONE

    async def settle(self, reserved: float, actual: float, minute: int) -> None:
        """Replace what was taken by what the call cost."""
        self._budget.settle(reserved, actual, minute)
