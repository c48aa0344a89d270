"""From a slate and the catalogue as it is now to the shelf that a page shows."""

from collections.abc import Iterator
from datetime import datetime
from typing import NotRequired, TypedDict

from models.catalogue import Catalogue
from models.placements import PLACEMENTS
from schemas.products import Market, Product
from streams.gateway.held_slate import HeldSlate

SIZES = {placement.name: placement.size for placement in PLACEMENTS}

NO_MARKET = Market()


class PlainShelfItem(TypedDict):
    """A `ShelfItem` before it is written: dozens per shelf are not validated one by one; absent is unknown."""

    product_id: str
    rank: int
    reason: str
    title: str
    category: tuple[str, ...]
    brand: NotRequired[str]
    price: NotRequired[float]
    sale_price: NotRequired[float]
    currency: NotRequired[str]
    url: NotRequired[str]
    image_url: NotRequired[str]


class PlainShelf(TypedDict):
    """A `Shelf` before it is written."""

    slate_id: str
    revision: int
    placement: str
    anchor: NotRequired[str]
    contextual: bool
    event_id: str
    event_at: str
    expires_at: str
    items: list[PlainShelfItem]
    reserves: list[PlainShelfItem]


def delivered(
    slate: HeldSlate,
    catalogue: Catalogue,
    *,
    at: datetime,
    country: str | None = None,
    contextual: bool = False,
    size: int | None = None,
) -> PlainShelf:
    """Give the shelf: what can be bought now, filled from the reserves; ranks stay the slate's own.

    Args:
        slate: as decided.
        catalogue: as it is.
        at: now.
        country: whose prices and stock count; where unknown, what can be bought anywhere stays.
        contextual: nothing of a visitor went into the slate.
        size: so many are shown; the placement's where absent.
    """
    size = size or SIZES.get(slate.placement, len(slate.items) // 2)
    items = list(_items(slate, catalogue, at, country))
    shelf: PlainShelf = {
        "slate_id": slate.slate_id,
        "revision": slate.revision,
        "placement": slate.placement,
        "contextual": contextual,
        "event_id": slate.event_id,
        "event_at": slate.event_at,
        "expires_at": slate.expires_at,
        "items": items[:size],
        "reserves": items[size:],
    }
    if slate.anchor is not None:
        shelf["anchor"] = slate.anchor
    return shelf


def purchasable(catalogue: Catalogue, product_id: str, *, at: datetime, country: str | None = None) -> bool:
    """Tell whether a product can be bought: in a country, or where that is unknown, in any."""
    if catalogue.available(product_id, at, country):
        return True
    product = None if country else catalogue.get(product_id)
    return product is not None and any(catalogue.available(product_id, at, market) for market in product.markets)


def _items(slate: HeldSlate, catalogue: Catalogue, at: datetime, country: str | None) -> Iterator[PlainShelfItem]:
    for product_id, rank, reason in slate.items:
        product = catalogue.get(product_id)
        if product is not None and purchasable(catalogue, product_id, at=at, country=country):
            yield _item(product, rank, reason, country)


def _item(product: Product, rank: int, reason: str, country: str | None) -> PlainShelfItem:
    """Describe a product; a country's price replaces both of the product's own."""
    market = product.markets.get(country, NO_MARKET) if country else NO_MARKET
    item: PlainShelfItem = {
        "product_id": product.product_id,
        "rank": rank,
        "reason": reason,
        "title": product.title,
        "category": product.category,
    }
    if product.brand is not None:
        item["brand"] = product.brand
    price = product.price if market.price is None else market.price
    if price is not None:
        item["price"] = price
    if product.sale_price is not None and market.price is None:
        item["sale_price"] = product.sale_price
    currency = market.currency or product.currency
    if currency is not None:
        item["currency"] = currency
    if product.url is not None:
        item["url"] = product.url
    if product.image_url is not None:
        item["image_url"] = product.image_url
    return item
