"""What calls may cost."""

import math

import pytest

from models.ports import Prompt
from schemas.judgements import Spending
from streams.judging.budget import Budget
from streams.judging.prices import Prices

MINUTE = 29_000_000


def test_nothing_is_reserved_beyond_the_hours_limit() -> None:
    """Ten dimes are a dollar, whatever binary fractions make of them; the eleventh is too many."""
    budget = Budget(1.0)

    taken = [budget.reserve(0.1, MINUTE) for _ in range(11)]

    assert taken == [True] * 10 + [False]
    assert budget.spent(MINUTE) == pytest.approx(1.0)


def test_the_hour_rolls_by_the_minute() -> None:
    """What was spent 60 minutes ago is free again, and not one minute earlier."""
    budget = Budget(1.0)
    assert budget.reserve(0.7, MINUTE)
    assert budget.reserve(0.3, MINUTE + 30)

    assert not budget.reserve(0.1, MINUTE + 59)
    assert budget.reserve(0.7, MINUTE + 60)
    assert not budget.reserve(0.1, MINUTE + 60)


def test_a_call_that_cost_less_gives_the_rest_back() -> None:
    """And one that cost more counts in full."""
    budget = Budget(1.0)
    assert budget.reserve(0.9, MINUTE)
    budget.settle(0.9, 0.2, MINUTE)
    assert budget.reserve(0.8, MINUTE + 1)

    budget.settle(0.8, 1.5, MINUTE + 1)

    assert budget.spent(MINUTE + 1) == pytest.approx(1.7)
    assert not budget.reserve(0.0001, MINUTE + 1)


def test_a_settlement_that_comes_after_the_hour_changes_nothing() -> None:
    """Its bucket is gone."""
    budget = Budget(1.0)
    assert budget.reserve(0.9, MINUTE)
    assert budget.spent(MINUTE + 60) == 0

    budget.settle(0.9, 0.1, MINUTE)

    assert budget.record() == {}


def test_a_restart_goes_on_from_the_record() -> None:
    """As a `Spending` record holds it."""
    before = Budget(1.0)
    assert before.reserve(0.4, MINUTE)
    assert before.reserve(0.5, MINUTE + 20)
    record = Spending.decode(Spending(partition=3, usd=before.record()).encode())

    after = Budget(1.0)
    after.restore(record.usd)

    assert after.spent(MINUTE + 21) == pytest.approx(0.9)
    assert not after.reserve(0.2, MINUTE + 21)
    assert after.reserve(0.2, MINUTE + 60)


def test_no_limit_takes_everything_and_a_limit_of_nothing_takes_nothing() -> None:
    """0 is no calls, not even free ones."""
    assert Budget(None).reserve(1e6, MINUTE)
    assert not Budget(0.0).reserve(0.0, MINUTE)
    assert Budget(0.01).reserve(0.0, MINUTE)


@pytest.mark.parametrize("usd", [-0.01, math.nan, math.inf])
def test_amounts_that_are_no_money_are_a_bug(usd: float) -> None:
    """They would open the budget for ever."""
    budget = Budget(1.0)
    with pytest.raises(ValueError, match="no amount of money"):
        Budget(usd)
    with pytest.raises(ValueError, match="no amount of money"):
        budget.reserve(usd, MINUTE)
    with pytest.raises(ValueError, match="no amount of money"):
        budget.settle(0.0, usd, MINUTE)
    with pytest.raises(ValueError, match="no amount of money"):
        budget.restore({MINUTE: usd})


def test_the_record_stays_small_whatever_the_clock_does() -> None:
    """A clock that jumps back and forth leaves at most what a `Spending` record holds."""
    budget = Budget(None)

    for minute in [*range(MINUTE, MINUTE + 500), *range(MINUTE, MINUTE + 300, 7), *range(MINUTE + 200, MINUTE, -1)]:
        budget.reserve(0.01, minute)
        assert len(budget.record()) <= 119
    Spending(partition=0, usd=budget.record())


def test_the_price_of_tokens_is_by_the_million() -> None:
    """GPT-4.1 mini: $0.40 and $1.60."""
    assert Prices(0.40, 1.60).of(1_000_000, 500_000) == pytest.approx(1.20)


def test_a_call_costs_at_most_more_than_tokenizers_make_of_it() -> None:
    """Text of 4 bytes a token is priced as 2, its answer as long as it may be."""
    prompt = Prompt("be fair", "shoe " * 1_000, "scores", {"type": "object"}, 300)

    assert Prices(1.0, 0.0).at_most(prompt) > 5_000 / 4 / 1e6
    assert Prices(0.0, 1.0).at_most(prompt) == pytest.approx(300 / 1e6)
