"""The catalogue says what can be shown."""

from datetime import UTC, datetime, timedelta

import pytest

from models.catalogue import Catalogue, leaf_of, price_band
from schemas.products import Market, Product

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def product(product_id: str, **fields: object) -> Product:
    """Make a product."""
    return Product.model_validate({"product_id": product_id, "title": f"Product {product_id}"} | fields)


def shelf(*products: Product) -> Catalogue:
    """Make a catalogue."""
    catalogue = Catalogue()
    for each in products:
        catalogue.put(each)
    return catalogue


@pytest.mark.parametrize(
    ("fields", "available"),
    [
        ({}, True),
        ({"stock": 3}, True),
        ({"stock": 0}, False),
        ({"stock": -1}, False),
        ({"hidden": True, "stock": 3}, False),
        ({"available_from": NOW}, True),
        ({"available_from": NOW + timedelta(milliseconds=1)}, False),
    ],
)
def test_available(fields: dict[str, object], *, available: bool) -> None:
    """A product is available when it is not hidden, not sold out (unknown stock is not) and already on sale."""
    assert shelf(product("a", **fields)).available("a", NOW) is available


def test_unknown_and_removed_products_are_not_available() -> None:
    """What the shop never had, or has no more, cannot be shown."""
    catalogue = shelf(product("a"))
    catalogue.remove("a")
    catalogue.remove("a")

    assert not catalogue.available("a", NOW)
    assert not catalogue.available("b", NOW)
    assert len(catalogue) == 0
    assert catalogue.in_category("") == ()
    assert catalogue.newest(NOW, 5) == []


def test_a_country_has_its_own_stock() -> None:
    """A country's stock replaces the product's; a country that says nothing has the product's."""
    catalogue = shelf(
        product("a", stock=0, price=10, markets={"DE": Market(stock=2, price=12), "FR": Market(price=11)}),
        product("b", hidden=True, markets={"DE": Market(stock=2)}),
    )

    assert catalogue.available("a", NOW, "DE")
    assert not catalogue.available("a", NOW, "FR")
    assert not catalogue.available("a", NOW)
    assert not catalogue.available("b", NOW, "DE")
    assert (catalogue.price_of("a", "DE"), catalogue.price_of("a", "IT"), catalogue.price_of("x")) == (12, 10, None)


def test_the_price_is_the_sale_price_while_there_is_one() -> None:
    """A price of zero on sale is a price."""
    catalogue = shelf(product("a", price=10, sale_price=0.0), product("b"))

    assert catalogue.price_of("a") == 0.0
    assert catalogue.price_of("b") is None


def test_a_group_shows_its_first_available_variant() -> None:
    """The variant shown is a preferred one, else the first by id, and always an available one."""
    catalogue = shelf(
        product("s", group_id="shirt"),
        product("m", group_id="shirt", stock=0),
        product("l", group_id="shirt"),
    )

    def shown(**kwargs: object) -> str | None:
        found = catalogue.representative("shirt", NOW, **kwargs)  # type: ignore[arg-type]
        return found and found.product_id

    assert shown() == "l"
    assert shown(prefer=["s"]) == "s"
    assert shown(prefer=["m"]) == "l"
    assert catalogue.representative("hat", NOW) is None
    assert catalogue.item_of("s") == "shirt"
    assert catalogue.item_of("hat") == "hat"
    assert catalogue.variants("shirt") == ["l", "m", "s"]


def test_a_product_moves_between_groups_and_categories() -> None:
    """A changed record leaves no trace of the old one."""
    catalogue = shelf(product("a", group_id="g", category=("Home",)))
    catalogue.put(product("a", group_id="h", category=("Home", "Mugs")))

    assert catalogue.variants("g") == ()
    assert catalogue.variants("h") == ["a"]
    assert catalogue.in_category("Home") == ()
    assert catalogue.in_category("Home > Mugs") == ["a"]
    assert catalogue.category_of("a") == "Home > Mugs"
    assert list(catalogue.categories()) == ["Home > Mugs"]


def test_newest_first_one_per_group() -> None:
    """The newest are what went on sale last, by the product's own times before its arrival."""
    catalogue = shelf(
        product("old", available_from=NOW - timedelta(days=9)),
        product("new", updated_at=NOW - timedelta(days=1)),
        product("newer", available_from=NOW - timedelta(hours=1), group_id="g"),
        product("newer2", available_from=NOW - timedelta(hours=2), group_id="g"),
        product("coming", available_from=NOW + timedelta(hours=1)),
        product("soldout", available_from=NOW, stock=0),
    )
    catalogue.put(product("arrived"), arrived_ms=5)

    assert catalogue.newest(NOW, 10) == ["newer", "new", "old", "arrived"]
    assert catalogue.newest(NOW, 1) == ["newer"]


def test_the_order_of_records_of_different_products_does_not_matter() -> None:
    """Partitions of the catalogue's log are read in any order, with the same answers."""
    products = [product(str(n), group_id=f"g{n % 7}", category=(f"c{n % 3}",)) for n in range(50)]
    one, other = shelf(*products), shelf(*reversed(products))

    assert one.newest(NOW, 50) == other.newest(NOW, 50)
    assert all(one.variants(f"g{n}") == other.variants(f"g{n}") for n in range(7))
    assert all(one.in_category(f"c{n}") == other.in_category(f"c{n}") for n in range(3))


def test_leaf_and_band_have_names_for_nothing() -> None:
    """No category and no price are empty names; any price has a band that contains it."""
    assert leaf_of(product("a")) == ""
    assert price_band(None) == ""
    assert price_band(0) == "0-1"
    for price in (1, 2, 5, 9.99, 10, 199.9, 1e9):
        low, high = map(int, price_band(price).split("-"))
        assert low <= price < high


def test_restricted_is_told() -> None:
    """A product of unknown nature is not restricted; one marked is."""
    catalogue = shelf(product("a", restricted=True), product("b"))

    assert [catalogue.restricted(each) for each in "abc"] == [True, False, False]
