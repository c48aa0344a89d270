"""In the demo something that somebody sees sells out now and then, and comes back."""

from datetime import UTC, datetime

from schemas.events import Event, Item
from schemas.products import Product
from streams.demo.stock import EVERY_S, Stock
from tests.demo_log import home_slate

SHOP = [Product(product_id=f"p{i}", title=f"Mug {i}", stock=i) for i in range(30)]


def view(product: str) -> Event:
    """Look at a product."""
    at = datetime(2026, 5, 1, tzinfo=UTC)
    return Event(event_id="e", name="view_item", visitor_id="v", at=at, items=(Item(product_id=product),))


def opened(*, seed: int = 1) -> Stock:
    """Open the shop."""
    stock = Stock(SHOP, seed=seed)
    assert list(stock.due(0.0)) == []
    return stock


def changes(stock: Stock, turn: int) -> list[tuple[str, int | None]]:
    """Give what the next change brings."""
    assert list(stock.due(EVERY_S * turn - 1)) == []
    return [(one.product_id, one.stock) for one in stock.due(EVERY_S * turn)]


def test_what_was_shown_sells_out_and_the_first_to_go_comes_back() -> None:
    """One product at a time, two away at most; what had no stock has nothing to lose."""
    stock = opened()
    told = []
    for turn in range(1, 6):
        stock.shown(home_slate("v", "p0", f"p{turn}"))
        told += changes(stock, turn)
    assert told == [("p1", 0), ("p2", 0), ("p1", 1), ("p4", 0), ("p2", 2)]


def test_what_a_person_sees_goes_first() -> None:
    """So that they can see it go; what was shown before the last change is forgotten."""
    stock = opened()
    stock.shown(home_slate("w", "p7"), person=True)
    stock.shown(home_slate("v", "p8"))
    assert changes(stock, 1) == [("p7", 0)]
    assert changes(stock, 2) == []


def test_only_what_is_at_the_front_of_a_slate_is_missed() -> None:
    """The rest of it may not be on any page."""
    gone = set()
    for seed in range(40):
        stock = opened(seed=seed)
        stock.shown(home_slate("v", *(f"p{n}" for n in range(1, 21))))
        gone |= {product for product, _ in changes(stock, 1)}
    assert gone == {f"p{n}" for n in range(1, 7)}


def test_what_is_sold_out_is_not_sold() -> None:
    """Until it is back; other products and events about none are not touched."""
    stock = opened()
    stock.shown(home_slate("v", "p3"))
    changes(stock, 1)
    assert not stock.sells(view("p3"))
    assert stock.sells(view("p4"))
    assert stock.sells(view("p3").model_copy(update={"items": ()}))


def test_a_shop_without_a_stock_of_its_own_changes_nothing() -> None:
    """As `--no-restock` has it."""
    stock = Stock((), seed=1)
    list(stock.due(0.0))
    stock.shown(home_slate("v", "p3"))
    assert changes(stock, 1) == []
