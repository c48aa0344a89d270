"""The demo's shop is believable, stable and silent about what shoppers like."""

from collections import Counter

import pytest

from schemas.products import Product
from streams.demo.families import FAMILIES
from streams.demo.shop import OPENED, generate_shop
from streams.demo.taste import hidden_truth

SHOP = generate_shop(7)


def test_the_shop_has_three_thousand_products_in_fifteen_categories() -> None:
    """The default shop is as large as promised, and no category is a token."""
    departments = Counter(product.category[0] for product in SHOP)
    assert len(SHOP) == len({product.product_id for product in SHOP}) == 3000
    assert len(departments) >= 15
    assert min(departments.values()) >= 20


def test_the_same_seed_gives_the_same_shop() -> None:
    """Shops depend on their seed, and on nothing else."""
    assert generate_shop(7, 200) == generate_shop(7, 200)
    assert generate_shop(8, 200) != generate_shop(7, 200)


def test_every_product_survives_the_wire() -> None:
    """Each record reads back as it was written."""
    assert all(Product.decode(product.encode()) == product for product in SHOP)


def test_products_are_complete() -> None:
    """Titles are unique within a colour, prices positive and in cents, descriptions say more than the title."""
    assert len({product.title for product in SHOP}) == len(SHOP)
    assert all(product.price and 0 < product.price < 1000 and product.currency == "EUR" for product in SHOP)
    assert all(product.brand and product.description and len(product.description) > 60 for product in SHOP)
    assert all(product.sale_price is None or product.sale_price < (product.price or 0) for product in SHOP)


def test_outdoor_gear_exists_for_adults_and_for_kids() -> None:
    """Some families stand in two places of the category tree."""
    leaves = {(product.category[0], product.category[-1]) for product in SHOP}
    assert {("Outdoor", "Rain jackets"), ("Kids", "Rain jackets")} <= leaves
    assert {product.attributes.get("audience") for product in SHOP if product.category[0] == "Kids"} == {"kids"}


def test_a_few_products_are_hidden_sold_out_new_or_in_colours() -> None:
    """What a shop has to cope with is in it, in small numbers."""
    few = range(1, 200)
    assert sum(product.hidden for product in SHOP) in few
    assert sum(product.stock == 0 for product in SHOP) in few
    new = [product.available_from for product in SHOP if product.available_from]
    assert len(new) in few
    assert max(new) <= OPENED
    groups = Counter(product.group_id for product in SHOP if product.group_id)
    assert sum(groups.values()) in range(100, 800)
    assert set(groups.values()) <= {1, 2, 3}


def test_a_shop_smaller_than_its_families_is_refused() -> None:
    """Every family is there at least once."""
    with pytest.raises(ValueError, match="at least"):
        generate_shop(7, len(FAMILIES) - 1)


def test_what_shoppers_like_does_not_follow_from_the_catalogue() -> None:
    """Another catalogue of the same shape is liked alike: tastes are not computed from what products are."""
    plain = [
        Product(product_id=f"x{i}", title="x", category=("x",), stock=product.stock, hidden=product.hidden)
        for i, product in enumerate(SHOP)
        if product.group_id is None
    ]
    named = [product for product in SHOP if product.group_id is None]
    one, other = hidden_truth(plain, 7), hidden_truth(named, 7)
    assert (one.points == other.points).all()
    both = (one.appeal > 0) & (other.appeal > 0)
    assert (one.appeal[both] == other.appeal[both]).all()


def test_moods_cut_across_categories() -> None:
    """What fits one taste best lies in many departments."""
    truth = hidden_truth(SHOP, 7)
    category = {product.item: product.category[0] for product in SHOP}
    weights = truth.weights(truth.centres[0])
    best = [truth.items[i] for i in (-weights).argsort()[:20]]
    assert len({category[item] for item in best}) >= 6
