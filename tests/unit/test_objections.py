"""Why candidates are not on a slate: every filter by an example, and never at odds with the filters themselves."""

from typing import Any

import pytest

from models.objections import objections
from models.session import Context
from models.shortlist import Request, SlateRules, shortlist
from schemas.record import epoch_ms
from tests.shelf import BY_NAME, NOON, Shelf, later

RULES = SlateRules()


@pytest.fixture
def shelf() -> Shelf:
    """A shop where boots1 is what people look at after boots0."""
    shop = Shelf()
    for _ in range(6):
        shop.browse("boots0", "boots1", "boots2")
    return shop


def against(shelf: Shelf, context: Context, placement: str = "home", anchors: tuple[str, ...] = ()) -> dict[str, str]:
    """Give what speaks against each item."""
    request = Request("s-0-1-home-0000", BY_NAME[placement], context, anchors, NOON)
    candidates = shelf.candidates(context, items=anchors)
    listed = shortlist(request, candidates, shelf.knowledge, RULES)
    found = objections(request, candidates, listed, shelf.knowledge, RULES)
    assert set(found) | set(listed.places.tolist()) == set(range(len(candidates.rows)))
    assert not set(found) & set(listed.places.tolist())
    names = shelf.knowledge.facts.names
    return {names[candidates.rows[place]]: why for place, why in found.items()}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"stock": 0}, "out of stock"),
        ({"hidden": True}, "hidden"),
        ({"available_from": later(1)}, "not on sale yet"),
        ({"restricted": True, "category": ("shop", "tents")}, "restricted to its own category"),
    ],
)
def test_what_the_catalogue_says_is_named(shelf: Shelf, fields: dict[str, Any], why: str) -> None:
    """Sold out, hidden, not yet sold, or out of place."""
    shelf.put("boots1", **fields)
    assert against(shelf, shelf.context("boots0"))["boots1"] == why


def test_what_the_visitor_did_is_named(shelf: Shelf) -> None:
    """Bought, put in the cart, or being looked at."""
    bought = shelf.context("boots0", purchased=(("boots1", epoch_ms(NOON) - 1000),))
    assert against(shelf, bought)["boots1"] == "bought recently"
    assert against(shelf, shelf.context("boots0", cart=("boots1",)))["boots1"] == "in the cart"
    looking = against(shelf, shelf.context("boots0"), "product", anchors=("boots1",))
    assert looking["boots1"] == "what the shelf belongs to"


def test_a_carts_own_category_does_not_go_with_it(shelf: Shelf) -> None:
    """Boots do not go with boots."""
    found = against(shelf, shelf.context("boots0", cart=("boots0",)), "cart", anchors=("boots0",))
    assert found["boots1"] == "category of the cart"


def test_the_rest_is_below_the_shortlist(shelf: Shelf) -> None:
    """The list ends somewhere: that is no filter, and said apart."""
    assert set(against(shelf, shelf.context("boots0"), "product").values()) == {"below the shortlist"}
