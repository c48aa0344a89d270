"""What may stand on a slate: every filter by an example."""

import math
from dataclasses import replace

import pytest

from models.shortlist import SlateRules
from schemas.events import Landing
from schemas.products import Market, Product
from schemas.record import epoch_ms
from tests.shelf import NOON, Shelf, ids, later


@pytest.fixture
def shelf() -> Shelf:
    """A shop where boots1 is what people look at after boots0."""
    shop = Shelf()
    for _ in range(6):
        shop.browse("boots0", "boots1", "boots2")
    return shop


@pytest.mark.parametrize("gone", [{"stock": 0}, {"hidden": True}, {"available_from": later(1)}])
def test_what_cannot_be_bought_is_gone_from_the_next_slate_on(shelf: Shelf, gone: dict[str, object]) -> None:
    """Sold out, hidden or not yet on sale: the record alone decides, whatever the model and the vectors say."""
    assert "boots1" in ids(shelf.slate(shelf.context("boots0")))
    shelf.put("boots1", **gone)
    assert "boots1" not in ids(shelf.slate(shelf.context("boots0")))


def test_a_removed_product_is_gone_and_back_when_it_returns(shelf: Shelf) -> None:
    """A tombstone takes it away, a new record brings it back."""
    shelf.knowledge.remove_product("boots1")
    assert "boots1" not in ids(shelf.slate(shelf.context("boots0")))
    shelf.put("boots1")
    assert "boots1" in ids(shelf.slate(shelf.context("boots0")))


def test_a_product_goes_on_sale_by_event_time(shelf: Shelf) -> None:
    """The event's own time decides, so that a replay decides alike."""
    shelf.put("boots1", available_from=later(1))
    context = shelf.context("boots0", at_ms=epoch_ms(later(2)))
    assert "boots1" in ids(shelf.slate(context, at=later(2)))


def test_stock_is_of_the_visitors_country(shelf: Shelf) -> None:
    """A market's own stock replaces the product's; elsewhere the product's holds."""
    shelf.put("boots1", stock=0, markets={"NL": Market(stock=3)})
    dutch = shelf.context("boots0", landing=Landing(country="NL"))
    assert "boots1" in ids(shelf.slate(dutch))
    assert "boots1" not in ids(shelf.slate(shelf.context("boots0", landing=Landing(country="BE"))))


def test_of_a_group_one_variant_is_shown(shelf: Shelf) -> None:
    """The first that is sold stands for all; who has looked at one sees that one again."""
    for size in ("41", "42", "43"):
        shelf.put(f"trail.{size}", group_id="trail", stock=0 if size == "41" else 5)
    for _ in range(6):
        shelf.browse("boots0", "trail")
    shown = [name for name in ids(shelf.slate(shelf.context("boots0"))) if name.startswith("trail")]
    assert shown == ["trail.42"]
    seen = shelf.context("trail.43", "boots0")
    assert [name for name in ids(shelf.slate(seen)) if name.startswith("trail")] == ["trail.43"]


def test_restricted_products_stand_beside_their_own_category_only(shelf: Shelf) -> None:
    """Medicine or adult goods never turn up for somebody who looks at something else."""
    shelf.put("boots1", restricted=True)
    for _ in range(6):
        shelf.browse("tents0", "boots1")
    assert "boots1" in ids(shelf.slate(shelf.context("boots0")))
    assert "boots1" not in ids(shelf.slate(shelf.context("tents0")))
    assert "boots1" not in ids(shelf.slate(shelf.context("boots0"), "product", anchors=("tents0",)))


def test_a_products_shelf_never_holds_the_product(shelf: Shelf) -> None:
    """Nor does any shelf hold what is in the cart."""
    assert "boots0" not in ids(shelf.slate(shelf.context("boots0"), "product", anchors=("boots0",)))
    assert "boots1" not in ids(shelf.slate(shelf.context("boots0", cart=("boots1",))))


def test_the_cart_shows_what_goes_with_it_not_instead_of_it(shelf: Shelf) -> None:
    """Products of the cart's own leaf category are substitutes."""
    decision = shelf.slate(shelf.context("boots0", cart=("boots0",)), "cart", anchors=("boots0",), name="add_to_cart")
    assert ids(decision)
    assert not [name for name in ids(decision) if name.startswith("boots")]


def test_a_bought_product_rests_for_its_interval(shelf: Shelf) -> None:
    """30 days, or the product's own number of days; it never comes back on the confirmation page."""
    bought = (("boots1", epoch_ms(NOON)),)

    def shown(days: float, placement: str = "home") -> bool:
        context = shelf.context("boots0", purchased=bought, at_ms=epoch_ms(later(days)))
        return "boots1" in ids(shelf.slate(context, placement, at=later(days)))

    assert not shown(29)
    assert shown(31)
    assert not shown(31, "confirmation")
    shelf.put("boots1", attributes={"repurchase_days": 3})
    assert shown(4)


def test_what_was_seen_in_vain_fades(shelf: Shelf) -> None:
    """Ten impressions without a click move a product down, a click forgives them."""

    def rank(*, clicked: bool) -> int:
        context = shelf.context("boots0", shown={"boots1": (10, epoch_ms(NOON), clicked)})
        return ids(shelf.slate(context, rules=replace(SlateRules(), diversity=0))).index("boots1")

    assert rank(clicked=True) < 3
    assert rank(clicked=False) > rank(clicked=True)


def test_equal_scores_are_ordered_by_product(shelf: Shelf) -> None:
    """Whatever order products came in, ties go by id."""
    empty = Shelf(each=0)
    for name in ("c", "a", "b"):
        empty.put(name, category=("shop", "boots"))
    context = replace(empty.context(), consent=False)
    items = empty.slate(context, name="page_view", rules=replace(SlateRules(), diversity=0)).items
    assert all(math.isfinite(item["score"]) for item in items)
    tied = [item["product_id"] for item in items if item["score"] == items[-1]["score"]]
    assert tied == sorted(tied)


def test_a_variant_that_moves_to_another_group_is_found_under_it(shelf: Shelf) -> None:
    """What was remembered as near by does not outlive the group it named."""
    for name, group in (("a1", "left"), ("a2", "left"), ("b1", "right")):
        shelf.put(name, group_id=group)
    vector = shelf.knowledge.content.vector("a2")
    assert vector is not None

    def nearest() -> str:
        return shelf.knowledge.facts.names[shelf.knowledge.neighbours.near(vector, 1).ids[0]]

    assert nearest() == "left"
    moved = Product(product_id="a2", title="a2", category=("shop", "boots"), group_id="right")
    shelf.knowledge.put_product(moved)
    assert nearest() == "right"
