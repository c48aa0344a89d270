"""The installation's money, pooled over the partitions a worker owns, and on the log before it is spent."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from prometheus_client import REGISTRY

from schemas.judgements import Spending
from streams.judging.publisher import OvertakenError
from streams.judging.purse import Purses

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
T = TypeVar("T")


class Till:
    """Purses of one dollar an hour whose records are kept by partition."""

    def __init__(self) -> None:
        self.now = NOON
        self.records: dict[int, Spending] = {}
        self.purses = Purses(1.0, shares=4, record=self.record, clock=lambda: self.now)

    async def record(self, spending: Spending) -> None:
        self.records[spending.partition] = Spending.decode(spending.encode())

    def restarted(self, *partitions: int) -> "Till":
        """Give another worker that owns these, from the records."""
        other = Till()
        other.now, other.records = self.now, dict(self.records)
        for partition in partitions:
            other.purses.own(partition, self.records.get(partition))
        return other

    def usd(self, partition: int) -> float:
        return sum(self.records[partition].usd.values())


def run(one: Coroutine[object, object, T]) -> T:
    """Wait for it."""
    return asyncio.run(one)


def till(*partitions: int) -> Till:
    """Own partitions from the beginning."""
    return Till().restarted(*partitions)


def test_a_worker_that_owns_all_has_all_of_it_for_any_key() -> None:
    """One busy partition is not held to its own quarter."""
    all_of_it = till(0, 1, 2, 3)

    assert run(all_of_it.purses.of(2).reserve(0.9)) is not None
    assert run(all_of_it.purses.of(1).reserve(0.2)) is None
    assert run(all_of_it.purses.of(1).reserve(0.1)) is not None


def test_two_workers_have_no_more_than_one() -> None:
    """Each has the share of what it owns."""
    first, second = till(0), till(1, 2, 3)

    assert (first.purses.limit, second.purses.limit) == (0.25, 0.75)
    assert run(first.purses.of(0).reserve(0.3)) is None
    assert run(second.purses.of(1).reserve(0.7)) is not None


@pytest.mark.parametrize("busy", [0, 2])
def test_partitions_that_move_to_another_worker_bring_no_money_twice(busy: int) -> None:
    """However one-sided the keys were: a worker had all of it and spent it, then it owns half, and another one half."""
    alone = till(0, 1, 2, 3)
    while run(alone.purses.of(busy).reserve(0.03)) is not None:
        pass
    spent = alone.purses.spent

    for half in (0, 1), (2, 3):
        worker = alone.restarted(*half)
        while run(worker.purses.of(half[0]).reserve(0.03)) is not None:
            spent += 0.03
    assert spent <= 1.0 + 0.03


def test_what_is_reserved_is_on_the_log_and_settled_there() -> None:
    """In the minute that it was reserved in."""
    one = till(0, 1, 2, 3)
    minute = run(one.purses.of(3).reserve(0.5))
    assert minute is not None
    assert one.usd(3) == 0.5

    one.now += timedelta(minutes=2)
    run(one.purses.of(3).settle(0.5, 0.2, minute))
    assert one.records[3].usd == {minute: pytest.approx(0.2)}
    one.purses.show()
    assert REGISTRY.get_sample_value("aisle_llm_budget_spent") == pytest.approx(0.2)


def test_a_restart_goes_on_with_what_was_spent_and_an_hour_later_anew() -> None:
    """What was reserved and never settled is spent."""
    one = till(0, 1, 2, 3)
    run(one.purses.of(0).reserve(0.95))

    again = one.restarted(0, 1, 2, 3)
    assert run(again.purses.of(1).reserve(0.1)) is None
    again.now += timedelta(minutes=60)
    assert run(again.purses.of(1).reserve(0.1)) is not None


def test_a_partition_that_has_gone_pays_for_nothing() -> None:
    """Its next owner counts; what was on its way is not written over that."""
    one = till(0, 1)
    minute = run(one.purses.of(0).reserve(0.1))
    assert minute is not None
    one.purses.leave()
    one.purses.own(1, None)

    run(one.purses.of(0).settle(0.1, 0.0, minute))
    assert one.usd(0) == 0.1
    with pytest.raises(OvertakenError):
        run(one.purses.of(0).reserve(0.01))
