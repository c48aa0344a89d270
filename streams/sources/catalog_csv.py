"""A delimited file of products whose columns are named like the fields of `Product`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson

from schemas.products import Product
from streams.sources.catalog_file import Fields, read_products, split_category
from streams.sources.fields import parse_price, parse_quantity, parse_time
from streams.sources.rows import LineRefusedError, read_rows

_TRUE = {"1", "true", "yes", "y"}
_TEXTS = ("group_id", "description", "brand", "currency", "gtin", "url", "image_url")


class CatalogCsv:
    """Products from a CSV: `product_id` and `title`, and any other field of `Product` that is a column.

    `category` is a path with `>` or `/`; `attributes` and `markets` are JSON objects; empty fields are unknown.

    Args:
        path: the file, gzipped or plain.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refused: Counter[str] = Counter()

    def products(self) -> Iterator[Product]:
        """Give the products in the file's order."""
        self.refused = Counter()
        rows = read_rows(
            self.path, required=("product_id", "title"), refused=self.refused, kind="a catalogue of products"
        )
        return read_products((row.fields for row in rows), self.refused, _product)


def _product(fields: Fields) -> Product:
    def get(name: str) -> str:
        return fields.get(name, "")

    return Product(
        product_id=get("product_id"),
        title=get("title"),
        category=split_category(get("category")),
        price=parse_price(get("price")),
        sale_price=parse_price(get("sale_price")),
        stock=parse_quantity(get("stock")) if get("stock") else None,
        hidden=get("hidden").lower() in _TRUE,
        restricted=get("restricted").lower() in _TRUE,
        attributes=_json(get("attributes"), "attributes"),
        markets=_json(get("markets"), "markets"),
        available_from=parse_time(get("available_from")) if get("available_from") else None,
        updated_at=parse_time(get("updated_at")) if get("updated_at") else None,
        **{name: get(name) or None for name in _TEXTS},
    )


def _json(text: str, column: str) -> dict[str, object]:
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        raise LineRefusedError(column) from None
    if not isinstance(value, dict):
        raise LineRefusedError(column)
    return value
