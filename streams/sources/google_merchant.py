"""Product feeds as Google Merchant Center takes them: RSS 2.0 or Atom with `g:` fields, or delimited text.

Source: https://support.google.com/merchants/answer/7052112 (product data specification)
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, iterparse

from schemas.errors import RefusedError
from schemas.products import Product
from streams.sources.catalog_file import Fields, read_products, split_category
from streams.sources.fields import parse_price, parse_quantity, parse_time
from streams.sources.lines import opened
from streams.sources.rows import LineRefusedError, read_rows

ATTRIBUTES = ("color", "size", "gender", "age_group", "material", "pattern", "condition")
"""Fields kept as attributes."""

_PRICE = re.compile(r"([0-9][0-9.,]*)\s*([A-Z]{3})?|([A-Z]{3})\s*([0-9][0-9.,]*)")
_SOLD_OUT = {"out_of_stock", "out of stock"}
_KIND = "a Google Merchant feed"


class GoogleMerchant:
    """Products from a feed; XML is told from text by its first character.

    Args:
        path: the feed, gzipped or plain.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refused: Counter[str] = Counter()

    def products(self) -> Iterator[Product]:
        """Give the products in the feed's order."""
        self.refused = Counter()
        records = _elements(self.path) if _is_xml(self.path) else self._rows()
        return read_products(records, self.refused, _product)

    def _rows(self) -> Iterator[Fields]:
        for row in read_rows(self.path, required=("id", "title"), refused=self.refused, kind=_KIND):
            # Column names are written `image link`, `image_link` and `g:image_link`.
            yield {_field(name): value for name, value in row.fields.items()}


def _field(name: str) -> str:
    return name.lower().removeprefix("g:").strip().replace(" ", "_")


def _is_xml(path: Path) -> bool:
    with opened(path) as stream:
        return stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _elements(path: Path) -> Iterator[Fields]:
    """Read `item` or `entry` elements one at a time, forgetting each when it has been read."""
    found = False
    parents: list[Element] = []
    with opened(path) as stream:
        try:
            for event, element in iterparse(stream, events=("start", "end")):  # noqa: S314  expat bounds its entities
                if event == "start":
                    parents.append(element)
                    continue
                parents.pop()
                if _local(element.tag) in {"item", "entry"}:
                    found = True
                    yield _fields(element)
                    if parents:
                        parents[-1].clear()
        except ParseError as error:
            line, _ = error.position
            raise RefusedError(f"{path} is not well-formed XML at line {line}: export the feed again.") from None
    if not found:
        raise RefusedError(f"{path} has no <item> or <entry>: is it really {_KIND}?")


def _fields(element: Element) -> Fields:
    fields: dict[str, str] = {}
    for child in element:
        text = (child.text or child.get("href") or "").strip()
        fields.setdefault(_local(child.tag), text)
    return fields


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _product(fields: Fields) -> Product:
    def get(name: str) -> str:
        return fields.get(name, "")

    price, currency = _money(get("price"))
    sale_price, _ = _money(get("sale_price"))
    return Product(
        product_id=get("id"),
        group_id=get("item_group_id") or None,
        title=get("title")[:512],
        description=get("description")[:8192] or None,
        category=split_category(get("product_type") or get("google_product_category")),
        brand=get("brand")[:128] or None,
        price=price,
        sale_price=sale_price,
        currency=currency,
        stock=_stock(fields),
        restricted=get("adult").lower() in {"yes", "true"},
        gtin=get("gtin") or None,
        url=get("link") or None,
        image_url=get("image_link") or None,
        attributes={name: get(name) for name in ATTRIBUTES if get(name)},
        available_from=parse_time(get("availability_date")) if get("availability_date") else None,
    )


def _stock(fields: Fields) -> int | None:
    if fields.get("availability", "").lower() in _SOLD_OUT:
        return 0
    quantity = fields.get("quantity", "") or fields.get("sell_on_google_quantity", "")
    return parse_quantity(quantity) if quantity else None


def _money(text: str) -> tuple[float | None, str | None]:
    """Read `15.00 USD` or `USD 15.00`; a comma is a thousands separator, or the decimal one where it comes last."""
    if not text:
        return None, None
    match = _PRICE.fullmatch(text.strip())
    if match is None:
        raise LineRefusedError("price")
    number, currency = match[1] or match[4], match[2] or match[3]
    if re.fullmatch(r"[0-9.]*,[0-9]{1,2}", number):
        number = number.replace(".", "").replace(",", ".")
    return parse_price(number.replace(",", "")), currency
