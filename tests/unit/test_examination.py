"""How likely a rank is looked at, and what clicks on slates weigh for it."""

from random import Random

import pytest

from models.examination import MOST_WEIGHT, Examination, discount
from models.explore import FIRST_RANK, LAST_RANK

RANKS = range(FIRST_RANK, LAST_RANK + 1)


def looked_at(chances: dict[int, float], *, slots: int = 4_000, rate: float = 0.3, seed: int = 1) -> Examination:
    """Show explored products at random ranks, which are looked at by these chances and then clicked by a rate."""
    random, examination = Random(seed), Examination()
    for _ in range(slots):
        rank = random.choice(RANKS)
        examination.learn_one(rank, "impression")
        if random.random() < chances[rank] * rate:
            examination.learn_one(rank, "click")
    return examination


def test_before_any_click_the_discount_speaks() -> None:
    """Rank 4 is what others are held against."""
    examination = Examination()
    assert [examination.weight(rank) for rank in (1, 4, 10)] == pytest.approx(
        [discount(4), 1.0, discount(4) / discount(10)]
    )


def test_attention_is_learned_where_chance_put_the_products() -> None:
    """Of visitors who look at every rank but the last, all ranks but that are alike."""
    examination = looked_at(dict.fromkeys(RANKS, 1.0) | {10: 0.05})
    assert [examination.chance(rank) for rank in range(5, 10)] == pytest.approx([1.0] * 5, abs=0.17)
    assert examination.chance(10) < 0.25
    assert examination.weight(10) > 4


def test_other_ranks_follow_their_nearest() -> None:
    """Where no slot lies the discount goes on from rank 4 and from rank 10; weights are bounded."""
    examination = looked_at(dict.fromkeys(RANKS, 1.0) | {10: 0.3})
    assert examination.chance(1) == pytest.approx(discount(1) / discount(4))
    assert examination.chance(20) / examination.chance(10) == pytest.approx(discount(20) / discount(10))
    assert examination.weight(1_000) == MOST_WEIGHT
    assert all(examination.weight(rank) <= examination.weight(rank + 1) for rank in (1, 2, 3, 10, 11, 50))


def test_what_has_no_slot_says_nothing() -> None:
    """Neither ranks outside of it, nor carts and purchases."""
    examination, fresh = Examination(), Examination()
    for rank, kind in ((0, "click"), (3, "click"), (11, "impression"), (5, "cart"), (5, "purchase")):
        examination.learn_one(rank, kind)
    assert all((array == fresh.state()[name]).all() for name, array in examination.state().items())


def test_attention_survives() -> None:
    """A restored state weighs as the first does."""
    examination, again = looked_at(dict.fromkeys(RANKS, 1.0), slots=300), Examination()
    again.restore({name: array.copy() for name, array in examination.state().items()})
    for one in (examination, again):
        one.learn_one(7, "impression")
    assert [one.weight(7) for one in (examination, again)] == [examination.weight(7)] * 2
