"""What a page shows of a slate: what can be bought now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from models.catalogue import Catalogue
from schemas.products import Market, Product
from streams.gateway.catalogue_log import LiveCatalogue
from streams.gateway.delivery import delivered, purchasable
from streams.gateway.showing import Showcase
from streams.gateway.wire import Shelf
from tests.slates_held import held

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAMES = [f"p{number}" for number in range(1, 9)]


def product(name: str, **fields: Any) -> Product:
    """Make a product."""
    return Product(product_id=name, title=f"Mug {name}", **fields)


def catalogue(**changed: Product | None) -> Catalogue:
    """Give a catalogue of all names, but for some that differ or are missing."""
    found = Catalogue()
    for name in NAMES:
        one = changed.get(name, product(name))
        if one is not None:
            found.put(one)
    return found


def shown(found: Catalogue, size: int = 4, **fields: Any) -> tuple[list[tuple[str, int]], list[str]]:
    """Deliver a slate of all names; gives items with their ranks, and reserves."""
    shelf = delivered(held(1, NAMES), found, at=NOON, size=size, **fields)
    return [(item["product_id"], item["rank"]) for item in shelf["items"]], [
        one["product_id"] for one in shelf["reserves"]
    ]


def test_reserves_fill_what_cannot_be_bought() -> None:
    """Sold out, hidden, gone, not yet on sale: ranks stay the slate's own, and gaps stay."""
    found = catalogue(
        p1=product("p1", stock=0),
        p2=product("p2", hidden=True),
        p3=None,
        p4=product("p4", available_from=NOON + timedelta(seconds=1)),
    )
    assert shown(found) == ([("p5", 5), ("p6", 6), ("p7", 7), ("p8", 8)], [])


def test_all_there_leaves_the_reserves() -> None:
    """The shown half is as decided, the other half follows."""
    assert shown(catalogue()) == ([("p1", 1), ("p2", 2), ("p3", 3), ("p4", 4)], ["p5", "p6", "p7", "p8"])


def test_too_few_are_shown_as_they_are() -> None:
    """An empty catalogue gives an empty shelf, which is no error."""
    assert shown(Catalogue()) == ([], [])


def test_a_country_has_its_own_stock_and_price() -> None:
    """Where the country is not known, what can be bought anywhere stays."""
    only_there = product(
        "p1", stock=0, price=10, sale_price=8, currency="EUR", markets={"SE": Market(stock=2, price=99, currency="SEK")}
    )
    found = catalogue(p1=only_there)
    assert shown(found, country="NL")[0][0] == ("p2", 2)
    assert shown(found, country="SE")[0][0] == ("p1", 1)
    assert shown(found)[0][0] == ("p1", 1)
    item = delivered(held(1, NAMES), found, at=NOON, country="SE")["items"][0]
    assert (item["price"], item["currency"], "sale_price" in item) == (99, "SEK", False)
    assert not purchasable(found, "nothing", at=NOON)


def test_a_shelf_is_what_the_wire_says() -> None:
    """What is written without validation is a Shelf; unknown fields are absent."""
    live = LiveCatalogue(now=lambda: NOON)
    live.put_product(product("p1", price=9.5, brand="Acme", category=("Home", "Mugs"), url="/p1", image_url="/p1.webp"))
    live.put_product(product("p2"))
    slate = held(3, ["p1", "p2"], placement="product", anchor="p9", revision=1)
    written = Showcase(live, now=lambda: NOON).write_contextual(slate)
    shelf = Shelf.model_validate_json(written)
    assert (shelf.anchor, shelf.revision, shelf.contextual, shelf.event_id) == ("p9", 1, True, "e3")
    assert (shelf.items[0].brand, shelf.items[0].category) == ("Acme", ("Home", "Mugs"))
    assert orjson.loads(written)["items"][1].keys() == {"product_id", "rank", "reason", "title", "category"}


def test_a_shelf_that_many_ask_for_is_written_once_until_something_changes() -> None:
    """A second later, or with the next change of the catalogue, it is written anew."""
    now = [0.0]
    live = LiveCatalogue(now=lambda: NOON)
    live.put_product(product("p1"))
    case = Showcase(live, now=lambda: NOON, clock=lambda: now[0])
    first = case.write_contextual(held(1))
    assert case.write_contextual(held(1)) is first
    live.put_product(product("p1", stock=0))
    assert b"p1" not in case.write_contextual(held(1))


def test_a_catalogue_tells_what_comes_and_goes() -> None:
    """By availability alone, and also when the day comes on which something goes on sale."""
    now = [NOON]
    live = LiveCatalogue(now=lambda: now[0])
    live.put_product(product("p1", stock=1))
    live.put_product(product("p2", available_from=NOON + timedelta(hours=1)))
    assert live.changed() == {"p1"}
    live.put_product(product("p1", stock=5, price=3))
    assert live.changed() == frozenset()
    live.put_product(product("p1", stock=0))
    assert live.changed() == {"p1"}
    live.remove_product("p1")
    assert live.changed() == frozenset()
    now[0] += timedelta(hours=2)
    assert live.changed() == {"p2"}
    live.remove_product("p2")
    assert live.changed() == {"p2"}


def test_a_day_on_which_something_goes_on_sale_is_noted_once() -> None:
    """However often its record is written until then; another day counts, too."""
    now = [NOON]
    live = LiveCatalogue(now=lambda: now[0])
    for stock in range(100):
        live.put_product(product("p1", stock=stock, available_from=NOON + timedelta(hours=1)))
    assert len(live._starts) == 1
    live.put_product(product("p1", available_from=NOON + timedelta(hours=3)))
    live.changed()
    now[0] += timedelta(hours=4)
    assert live.changed() == {"p1"}
    assert not live._awaited
