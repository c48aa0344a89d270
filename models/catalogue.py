"""What the shop sells: the fold of `catalog.products`."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from schemas.products import Product
from schemas.record import epoch_ms

CATEGORY_SEPARATOR = " > "

KEPT_ANSWERS = 64
"""Lists of newest products kept: history is read through many days on which something went on sale."""

NO_OFFER: Final = 0
"""An item cannot be bought."""
OFFERED: Final = 1
"""Anybody can buy it from the day it goes on sale."""
ASK: Final = 2
"""It depends: there are markets with a stock of their own, or variants that go on sale one after the other."""


class _Offer(NamedTuple):
    """What `available` needs to know, worked out once."""

    sellable: bool
    starts: datetime | None
    countries: dict[str, bool] | None


class Offer(NamedTuple):
    """How an item stands: the variant that speaks for it (the first by id that is sold), and whether it can be bought.

    `kind` is `NO_OFFER`, `OFFERED` or `ASK`.
    """

    speaker: Product
    kind: int


class Catalogue:
    """The products as they stand, by product, by item (variant group) and by category.

    Everything it answers follows from the last record of each product: a worker that read a compacted log answers as
    one that read the whole log.
    """

    def __init__(self) -> None:
        self._products: dict[str, Product] = {}
        self._offers: dict[str, _Offer] = {}
        self._ages: dict[str, int] = {}
        self._leaves: dict[str, str] = {}
        self._groups: dict[str, list[str]] = {}
        self._categories: dict[str, list[str]] = {}
        self._newest: list[tuple[int, str]] = []
        self._starts: list[datetime] = []
        self._new: dict[tuple[int, str | None, int], Sequence[str]] = {}

    def put(self, product: Product, *, arrived_ms: int = 0) -> None:
        """Insert or replace a product.

        Args:
            product: the product as it is now.
            arrived_ms: when its record arrived; its age where it carries no time of its own.
        """
        product_id = product.product_id
        self.remove(product_id)
        self._products[product_id] = product
        self._offers[product_id] = _offer(product)
        insort(self._groups.setdefault(product.item, []), product_id)
        leaf = self._leaves[product_id] = leaf_of(product)
        insort(self._categories.setdefault(leaf, []), product_id)
        since = product.available_from or product.updated_at
        self._ages[product_id] = -(epoch_ms(since) if since else arrived_ms)
        insort(self._newest, (self._ages[product_id], product_id))
        if product.available_from:
            insort(self._starts, product.available_from)

    def remove(self, product_id: str) -> None:
        """Forget a product; an unknown one is ignored."""
        self._new.clear()
        product = self._products.pop(product_id, None)
        if product is None:
            return
        if product.available_from:
            del self._starts[bisect_left(self._starts, product.available_from)]
        del self._offers[product_id]
        _drop(self._groups, product.item, product_id)
        _drop(self._categories, self._leaves.pop(product_id), product_id)
        del self._newest[bisect_left(self._newest, (self._ages.pop(product_id), product_id))]

    def get(self, product_id: str) -> Product | None:
        """Give a product."""
        return self._products.get(product_id)

    def item_of(self, product_id: str) -> str:
        """Give what learning knows a product by: its group, or itself; an unknown product is itself."""
        product = self._products.get(product_id)
        return product_id if product is None else product.group_id or product_id

    def category_of(self, product_id: str) -> str:
        """Give a product's leaf category (see `leaf_of`), "" when unknown."""
        return self._leaves.get(product_id, "")

    def restricted(self, product_id: str) -> bool:
        """Tell whether a product may only appear beside its own category."""
        product = self._products.get(product_id)
        return product is not None and product.restricted

    def available(self, product_id: str, at: datetime, country: str | None = None) -> bool:
        """Tell whether a product can be bought: known, not hidden, in stock (unknown counts), on sale by `at`.

        A country's own stock replaces the product's.
        """
        offer = self._offers.get(product_id)
        if offer is None:
            return False
        sellable, starts, countries = offer
        if countries is not None and country is not None:
            sellable = countries.get(country, sellable)
        return sellable and (starts is None or starts <= at)

    def representative(
        self, item: str, at: datetime, country: str | None = None, prefer: Collection[str] = ()
    ) -> Product | None:
        """Choose the variant of an item to show: an available preferred one, else the first available, by id."""
        members = self._groups.get(item, ())
        if prefer and len(members) > 1:
            members = sorted(members, key=lambda member: (member not in prefer, member))
        for member in members:
            if self.available(member, at, country):
                return self._products[member]
        return None

    def offer_of(self, item: str) -> Offer | None:
        """Say how an item is offered to somebody who has looked at none of its variants; None for no such item."""
        members = self._groups.get(item)
        if not members:
            return None
        offers = [self._offers[member] for member in members]
        sellable = [member for member, offer in zip(members, offers, strict=True) if offer.sellable]
        speaker = self._products[(sellable or members)[0]]
        if any(offer.countries for offer in offers) or len({offer.starts for offer in offers}) > 1:
            return Offer(speaker, ASK)
        return Offer(speaker, OFFERED if sellable else NO_OFFER)

    def variants(self, item: str) -> Sequence[str]:
        """Give the products of an item, by id."""
        return self._groups.get(item, ())

    def newest(self, at: datetime, limit: int, country: str | None = None) -> Sequence[str]:
        """List the newest available products, one per item, by `available_from`, else `updated_at`, else arrival.

        The answer holds until the catalogue changes or the next product goes on sale, so it is kept that long.
        """
        asked = (limit, country, bisect_right(self._starts, at))
        if asked not in self._new:
            if len(self._new) >= KEPT_ANSWERS:
                self._new.clear()
            self._new[asked] = list(islice(self._available(at, country), limit))
        return self._new[asked]

    def _available(self, at: datetime, country: str | None) -> Iterator[str]:
        items = set()
        for _, product_id in self._newest:
            if self.available(product_id, at, country) and (item := self.item_of(product_id)) not in items:
                items.add(item)
                yield product_id

    def in_category(self, leaf: str) -> Sequence[str]:
        """Give the products of a leaf category (see `leaf_of`), by id."""
        return self._categories.get(leaf, ())

    def categories(self) -> Collection[str]:
        """Give the leaf categories that have products."""
        return self._categories.keys()

    def price_of(self, product_id: str, country: str | None = None) -> float | None:
        """Give what a product costs now: the country's price, else the sale price, else the price."""
        product = self._products.get(product_id)
        if product is None:
            return None
        market = product.markets.get(country) if country else None
        if market is not None and market.price is not None:
            return market.price
        return product.price if product.sale_price is None else product.sale_price

    def __len__(self) -> int:
        return len(self._products)

    def __contains__(self, product_id: str) -> bool:
        return product_id in self._products


def leaf_of(product: Product) -> str:
    """Name a product's leaf category by its whole path, since "Accessories" is a leaf of many shelves.

    >>> leaf_of(Product(product_id="1", title="Mug", category=("Home", "Kitchen")))
    'Home > Kitchen'
    """
    return CATEGORY_SEPARATOR.join(product.category)


def price_band(price: float | None) -> str:
    """Name the band a price is in: 1, 2, 5, 10, 20, 50, ... The band does not depend on what else is sold.

    >>> price_band(49.9), price_band(50), price_band(0.5), price_band(None)
    ('20-50', '50-100', '0-1', '')
    """
    if price is None:
        return ""
    low, high = 0, 1
    while price >= high:
        low, high = high, high * 5 // 2 if str(high)[0] == "2" else high * 2
    return f"{low}-{high}"


def _offer(product: Product) -> _Offer:
    countries = {
        country: not product.hidden and _in_stock(market.stock)
        for country, market in product.markets.items()
        if market.stock is not None
    }
    return _Offer(not product.hidden and _in_stock(product.stock), product.available_from, countries or None)


def _in_stock(stock: int | None) -> bool:
    return stock is None or stock > 0


def _drop(lists: dict[str, list[str]], name: str, product_id: str) -> None:
    members = lists[name]
    del members[bisect_left(members, product_id)]
    if not members:
        del lists[name]
