"""What goes with a cart whose products have no partners of their own yet."""

import numpy as np
import pytest

from models.leaf_pairs import LeafPairs
from models.pair_limit import PairLimit
from schemas.products import Product
from streams.engine import Engine
from streams.settings import Settings
from tests.journey import event

TENT, MAT, PAN = range(3)


@pytest.fixture
def pairs() -> LeafPairs:
    """Two baskets are evidence here."""
    return LeafPairs(
        cap=300, slots=4, items=2, least=2, shrink=1.0, popularity=0.5, limit=PairLimit(1_024, 3)
    )  # fmt: skip


def sell(pairs: LeafPairs, *new: tuple[int, str], before: tuple[str, ...] = (), visitor: int = 1) -> None:
    """Learn what joins a basket."""
    pairs.learn_one(before, new, visitor=visitor, day=0)


def ranked(pairs: LeafPairs, *leaves: str) -> list[int]:
    """Give the items for a cart of these categories."""
    return pairs.rank(leaves, 10)[0].tolist()


def test_the_most_bought_of_a_complementary_category_come_first(pairs: LeafPairs) -> None:
    """Categories that are bought together speak for each other's products, however rarely those met."""
    for basket in range(3):
        sell(pairs, (TENT + 10 * basket, "tents"), (MAT, "mats"), visitor=basket)
        sell(pairs, (PAN, "pans"), visitor=basket)
    sell(pairs, (7, "mats"))
    assert ranked(pairs, "tents") == [MAT, 7]
    assert ranked(pairs, "pans") == []
    assert ranked(pairs, "never") == []


def test_one_basket_is_no_evidence(pairs: LeafPairs) -> None:
    """Nor are two items of one category, or items without any."""
    sell(pairs, (TENT, "tents"), (MAT, "mats"))
    for basket in range(3):
        sell(pairs, (PAN, "pans"), (7, "pans"), (8, ""), visitor=basket)
    assert ranked(pairs, "tents", "pans", "") == []


def test_what_joins_the_cart_goes_with_what_was_in_it(pairs: LeafPairs) -> None:
    """A basket that grows is one basket, and a category counts once in it."""
    for basket in range(2):
        sell(pairs, (TENT, "tents"), visitor=basket)
        sell(pairs, (MAT, "mats"), before=("tents",), visitor=basket)
        sell(pairs, (9, "mats"), before=("tents", "mats"), visitor=basket)
    sell(pairs, (PAN, "pans"))
    assert pairs.baskets == 3
    assert pairs.bought[:3].tolist() == [2, 2, 1]
    assert set(ranked(pairs, "tents")) == {MAT, 9}


def test_one_visitor_makes_no_complements_alone(pairs: LeafPairs) -> None:
    """A pair of categories counts three times a day for one visitor, as a pair of products does."""
    for _ in range(50):
        sell(pairs, (TENT, "tents"), (MAT, "mats"))
    assert pairs.weights[0, 0] == 3


def test_the_longest_unseen_categories_make_room(pairs: LeafPairs) -> None:
    """Their numbers go to others, and their partners forget them."""
    for basket in range(2):
        sell(pairs, (TENT, "tents"), (MAT, "mats"), visitor=basket)
    for n in range(301):
        sell(pairs, (PAN, f"leaf{n}"))
    sell(pairs, (PAN, "tents"))
    assert ranked(pairs, "tents") == []
    assert len(pairs.leaves) <= 300


def test_items_that_are_gone_are_not_offered(pairs: LeafPairs) -> None:
    """An evicted item's number may mean another one soon."""
    for basket in range(2):
        sell(pairs, (TENT, "tents"), (MAT, "mats"), visitor=basket)
    sell(pairs, (PAN, "pans"))
    pairs.drop(np.array([False, True, False]))
    assert ranked(pairs, "tents") == []


def test_a_new_product_is_completed_by_its_category() -> None:
    """A tent that nobody bought yet goes with what is bought with other tents; it never goes with itself."""
    engine = Engine(Settings(_env_file=None))
    for product_id, shelf, group in (
        ("tent", "tents", None), ("new.2", "tents", "new"), ("new.3", "tents", "new"), ("mat", "mats", None),
        ("pan", "pans", None),
    ):  # fmt: skip
        engine.put_product(Product(product_id=product_id, title=product_id, category=(shelf,), group_id=group))
    for n in range(4):
        engine.feed(event("purchase", "tent", "mat", visitor_id=f"b{n}", at_s=n))
        engine.feed(event("purchase", "pan", visitor_id=f"c{n}", at_s=n))
    slates = engine.feed(event("add_to_cart", "new.2", at_s=9))
    (cart,) = [slate for slate in slates if slate.placement == "cart"]
    assert cart.items[0].product_id == "mat"
    assert cart.items[0].sources["together"] > 0
    assert not {"new.2", "new.3"} & {item.product_id for item in cart.items}
