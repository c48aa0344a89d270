"""Nobody makes a product popular alone: what one visitor can do, by all means that a shop's page gives."""

from tests.attack import ROUNDS, VISITS, attack, shop

ONE_EACH = 1.0 + 3.0 + 5.0
"""A view, a cart and a purchase: what one person's day adds to a product's popularity at most."""


def test_one_visitor_counts_as_one_more_customer() -> None:
    """Whoever looks, adds, buys and claims clicks all day, slowly enough to pass for a person, and is learned from.

    Of the some seventy customers of this shop one more is heard: measured, the product comes from no home slate to 14
    to 25 % of them, by what it was looked at with; without limits it stood on 69 to 74 %.
    """
    there = shop(products=200, events=1_500, people=60)
    model = there.engine.knowledge.model
    number = model.items.get(there.target)
    before, popular, learned = there.exposure(), model.trending.weight[number] / model.trending.decay.gain, model.offset
    there.attack(1)
    after = there.exposure()
    assert len(list(attack("a", there))) == 6 * VISITS * ROUNDS
    assert model.offset - learned > 5 * VISITS * ROUNDS
    assert model.trending.weight[number] / model.trending.decay.gain <= popular + ONE_EACH
    assert after.share - before.share < 0.35
    assert after.rank > 30
    assert before.rank > 55
