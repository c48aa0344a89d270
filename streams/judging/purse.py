"""The installation's money, by partition of the requests: what a worker may spend is what it owns of them."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from schemas.judgements import Spending
from streams.judging.budget import ROUNDING_USD, Budget
from streams.judging.publisher import OvertakenError
from streams.telemetry import gauge

Record = Callable[[Spending], Awaitable[None]]
"""Writes what was spent, and comes back when the broker has it."""


class Purses:
    """One purse for all partitions that a worker owns: each brings its share of the budget, and what was spent of it.

    Every change is on the log before anything follows from it, so that neither a restart nor another worker begins
    with a full purse. A call is put on the record that has the least, whatever key it is for: no record gets ahead of
    its share by more than a call, so that partitions that move to another worker bring no money twice.

    Args:
        usd_per_hour: what the installation may spend in any hour.
        shares: how many partitions there are.
        record: writes a partition's spending.
        clock: the time.
    """

    def __init__(self, usd_per_hour: float, *, shares: int, record: Record, clock: Callable[[], datetime]) -> None:
        self._usd_per_hour = usd_per_hour
        self._shares = shares
        self._record = record
        self._clock = clock
        self._budgets: dict[int, Budget] = {}

    def own(self, partition: int, spending: Spending | None) -> None:
        """Go on with a partition from its record."""
        budget = self._budgets[partition] = Budget(None)
        if spending is not None:
            budget.restore(spending.usd)

    def leave(self) -> None:
        """Let go of all partitions."""
        self._budgets.clear()

    def of(self, partition: int) -> "PartitionPurse":
        """Give the purse for the calls of one key of a partition."""
        return PartitionPurse(self, partition)

    @property
    def limit(self) -> float:
        """Give what may be spent in any hour, in USD."""
        return self._usd_per_hour * len(self._budgets) / self._shares

    @property
    def spent(self) -> float:
        """Give what was spent or is reserved in this hour, in USD."""
        return sum(budget.spent(self._minute()) for budget in self._budgets.values())

    def show(self) -> None:
        """Tell how much of the hour's money is gone."""
        limit = self.limit
        gauge("llm_budget_spent", min(self.spent / limit, 1.0) if limit else float(bool(self._budgets)))

    def account(self, partition: int) -> int:
        """Choose the record that a call for a key of a partition is put on: of equals its own.

        Raises:
            OvertakenError: the partition has gone.
        """
        if partition not in self._budgets:
            raise OvertakenError
        minute = self._minute()
        return min(self._budgets, key=lambda each: (self._budgets[each].spent(minute), each != partition))

    async def reserve(self, usd: float, partition: int) -> int | None:
        """Take what one call costs at most; see `streams.judging.payment.Purse`.

        Args:
            usd: at least 0.
            partition: one of the worker's, whose record it is put on.
        """
        limit, minute = self.limit, self._minute()
        if limit == 0 or self.spent + usd > limit + ROUNDING_USD:
            return None
        self._budgets[partition].reserve(usd, minute)
        await self._write(partition)
        return minute

    async def settle(self, reserved: float, actual: float, minute: int, partition: int) -> None:
        """Replace what was taken by what the call cost; not for a partition that has gone: its next owner counts."""
        if partition in self._budgets:
            self._budgets[partition].settle(reserved, actual, minute)
            await self._write(partition)

    async def _write(self, partition: int) -> None:
        self.show()
        await self._record(Spending(partition=partition, usd=self._budgets[partition].record()))

    def _minute(self) -> int:
        return int(self._clock().timestamp()) // 60


class PartitionPurse:
    """Pays for one call after the other of a key, from what the worker has for all of its partitions.

    Args:
        purses: the money.
        partition: of the key.
    """

    def __init__(self, purses: Purses, partition: int) -> None:
        self._purses = purses
        self._partition = self._account = partition

    async def reserve(self, usd: float) -> int | None:
        """Take what one call costs at most; None when there is not that much left.

        Raises:
            OvertakenError: the partition has gone.
        """
        self._account = self._purses.account(self._partition)
        return await self._purses.reserve(usd, self._account)

    async def settle(self, reserved: float, actual: float, minute: int) -> None:
        """Replace what was taken by what the call cost."""
        await self._purses.settle(reserved, actual, minute, self._account)
