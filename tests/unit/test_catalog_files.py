"""Catalogue files: Google Merchant feeds in XML and text, and plain CSV."""

import gzip
from pathlib import Path

import pytest

from schemas.errors import RefusedError
from schemas.products import Product
from streams.sources.catalog_csv import CatalogCsv
from streams.sources.google_merchant import GoogleMerchant

RSS = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>7-R</g:id><g:item_group_id>7</g:item_group_id><g:title>Mug 🛒 &amp; saucer</g:title>
<g:description>Stoneware.</g:description><g:link>https://shop.example/7</g:link>
<g:image_link>https://shop.example/7.jpg</g:image_link><g:availability>in_stock</g:availability>
<g:price>15.00 EUR</g:price><g:sale_price>12.00 EUR</g:sale_price><g:brand>Klee</g:brand><g:gtin>4006381333931</g:gtin>
<g:product_type>Home &gt; Kitchen &gt; Mugs</g:product_type><g:color>red</g:color><g:adult>no</g:adult></item>
<item><g:id>8</g:id><g:title>Wine glass</g:title><g:availability>out of stock</g:availability>
<g:price>EUR 1,234.50</g:price>
<g:google_product_category>Home</g:google_product_category><g:adult>yes</g:adult></item>
<item><g:id>9</g:id><g:price>cheap</g:price><g:title>Odd</g:title></item>
<item><g:id></g:id><g:title>Nameless</g:title></item>
</channel></rss>
"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<entry><g:id>7</g:id><title>Mug</title><link href="https://shop.example/7"/><g:price>9,90 EUR</g:price></entry></feed>
"""


def feed(tmp_path: Path, text: str) -> GoogleMerchant:
    """Write a feed."""
    path = tmp_path / "feed"
    path.write_text(text, encoding="utf-8")
    return GoogleMerchant(path)


def catalog(tmp_path: Path, text: str) -> CatalogCsv:
    """Write a catalogue."""
    path = tmp_path / "catalog.csv"
    path.write_text(text, encoding="utf-8")
    return CatalogCsv(path)


def test_a_feed_becomes_products(tmp_path: Path) -> None:
    """Every field that has a place gets there."""
    mug, glass = feed(tmp_path, RSS).products()
    assert mug == Product(
        product_id="7-R",
        group_id="7",
        title="Mug 🛒 & saucer",
        description="Stoneware.",
        category=("Home", "Kitchen", "Mugs"),
        brand="Klee",
        price=15.0,
        sale_price=12.0,
        currency="EUR",
        gtin="4006381333931",
        url="https://shop.example/7",
        image_url="https://shop.example/7.jpg",
        attributes={"color": "red"},
    )
    assert (glass.stock, glass.restricted, glass.price, glass.category) == (0, True, 1234.5, ("Home",))


def test_what_no_product_can_hold_is_counted(tmp_path: Path) -> None:
    """By the field at fault."""
    source = feed(tmp_path, RSS)
    list(source.products())
    assert source.refused == {"price": 1, "product_id": 1}


def test_atom_feeds_and_decimal_commas_are_read(tmp_path: Path) -> None:
    """The other XML flavour, and the other way to write prices."""
    (mug,) = feed(tmp_path, ATOM).products()
    assert (mug.url, mug.price, mug.currency) == ("https://shop.example/7", 9.9, "EUR")


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_text_feeds_are_read(tmp_path: Path, delimiter: str) -> None:
    """Column names with spaces or underscores, tab or comma, gzipped."""
    rows = [
        ["id", "title", "price", "availability", "image link", "quantity"],
        ["7", "Mug", "9.90 EUR", "in stock", "u", "4"],
    ]
    path = tmp_path / "feed.gz"
    path.write_bytes(gzip.compress("\n".join(delimiter.join(row) for row in rows).encode()))
    (mug,) = GoogleMerchant(path).products()
    assert (mug.product_id, mug.price, mug.image_url, mug.stock) == ("7", 9.9, "u", 4)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<rss><channel><item>", "not well-formed XML at line 1"),
        ("<html><body/></html>", "is it really a Google Merchant feed"),
        ("name,cost\n1,2\n", "has no column id, title"),
    ],
)
def test_what_is_no_feed_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """One sentence says what is wrong."""
    with pytest.raises(RefusedError, match=sentence):
        list(feed(tmp_path, text).products())


def test_entities_cannot_fill_memory(tmp_path: Path) -> None:
    """The billion laughs attack ends in a refusal."""
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "lol">{levels}]><rss><item><id>&l11;</id></item></rss>'
    with pytest.raises(RefusedError, match="not well-formed"):
        list(feed(tmp_path, bomb).products())


def test_a_long_feed_is_forgotten_as_it_is_read(tmp_path: Path) -> None:
    """Items already read do not stay in memory."""
    import tracemalloc

    items = "".join(f"<item><id>{i}</id><title>{'t' * 300}</title></item>" for i in range(20_000))
    source = feed(tmp_path, f"<rss><channel>{items}</channel></rss>")
    tracemalloc.start()
    count = sum(1 for _ in source.products())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 3_000_000


def test_a_csv_names_the_fields_of_a_product(tmp_path: Path) -> None:
    """Text, numbers, flags, paths and JSON each in their column."""
    (mug,) = catalog(
        tmp_path,
        "product_id,title,category,price,stock,hidden,restricted,attributes,available_from,brand\n"
        '7,"Mug, red",Home > Mugs,9.9,0,no,TRUE,"{""color"": ""red""}",2026-05-01,\n',
    ).products()
    assert (mug.title, mug.category, mug.price, mug.stock) == ("Mug, red", ("Home", "Mugs"), 9.9, 0)
    assert (mug.hidden, mug.restricted, mug.attributes, mug.brand) == (False, True, {"color": "red"}, None)
    assert mug.available_from is not None


def test_bad_rows_of_a_csv_are_counted(tmp_path: Path) -> None:
    """A catalogue record without a title, with a NaN price, with attributes that are no object."""
    source = catalog(tmp_path, "product_id,title,price,attributes\n7,,1,\n8,Mug,nan,\n9,Mug,1,[1]\n10,Mug,1,{}\n")
    assert [product.product_id for product in source.products()] == ["10"]
    assert source.refused == {"title": 1, "price": 1, "attributes": 1}
