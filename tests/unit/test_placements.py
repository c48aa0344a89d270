"""Which events make a slate where."""

from datetime import UTC, datetime

import pytest

from models.placements import PLACEMENTS
from schemas.events import Event, Item, Page

BY_NAME = {placement.name: placement for placement in PLACEMENTS}


def event(name: str, *, kind: str | None = None, products: tuple[str, ...] = ()) -> Event:
    """Make an event of a name."""
    return Event(
        event_id="e",
        name=name,
        visitor_id="v",
        at=datetime(2026, 5, 1, tzinfo=UTC),
        page=Page(kind=kind) if kind else None,
        items=tuple(Item(product_id=p) for p in products),
    )


@pytest.mark.parametrize(
    ("happened", "shelves"),
    [
        (event("page_view", kind="home"), {"home"}),
        (event("page_view", kind="category"), {"category"}),
        (event("page_view", kind="imprint"), set()),
        (event("page_view"), set()),
        (event("view_item", products=("p",)), {"home", "product"}),
        (event("view_item"), {"home"}),
        (event("add_to_cart", products=("p",)), {"home", "cart"}),
        (event("remove_from_cart", products=("p",)), {"cart"}),
        (event("purchase", products=("p",)), {"home", "confirmation"}),
        (event("search"), {"home", "search"}),
        (event("page_ping"), set()),
        (event("impression", products=("p",)), set()),
        (event("forget"), set()),
    ],
)
def test_each_event_asks_for_its_shelves(happened: Event, shelves: set[str]) -> None:
    """The trigger table of the shipped placements."""
    assert {placement.name for placement in PLACEMENTS if placement.triggered_by(happened)} == shelves


def test_a_shelf_belongs_to_its_anchor() -> None:
    """A product's shelf is anchored to it; the confirmation to what was just bought, not to the emptied cart."""
    assert BY_NAME["product"].anchors(event("view_item", products=("p", "q")), ()) == ("p",)
    assert BY_NAME["cart"].anchors(event("add_to_cart", products=("q",)), ("p", "q")) == ("p", "q")
    assert BY_NAME["confirmation"].anchors(event("purchase", products=("p", "q")), ()) == ("p", "q")
    assert BY_NAME["home"].anchors(event("view_item", products=("p",)), ("q",)) == ()
