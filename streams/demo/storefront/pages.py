"""The pages as HTML."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas.products import Product
from streams.demo.storefront.assets import Assets
from streams.demo.storefront.assortment import SORTS, Assortment, Sort, page_of
from streams.demo.storefront.card import Card, Line, card_of, stock_told
from streams.demo.storefront.categories import Category

SHOP_NAME = "Linden & Lark"
PER_PAGE = 24
NEW_SHOWN, TILES = 12, 12


class Step(NamedTuple):
    """A place in a list that is longer than a page, or an order of it."""

    url: str
    label: str
    current: bool


class Pages:
    """Write the pages.

    Args:
        assortment: what the shop has.
        assets: style sheets and scripts.
        console_url: where operators look on; None where there is no console.
    """

    def __init__(self, assortment: Assortment, assets: Assets, console_url: str | None = None) -> None:
        self._assortment = assortment
        environment = Environment(
            autoescape=True,
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {"shop_name": SHOP_NAME, "asset": assets.url, "console_url": console_url}
        environment.filters["known"] = Line.model_dump
        self._environment = environment

    def home(self) -> str:
        """Write the front page."""
        tiles = [
            (one, self._cards(self._assortment.in_category(one)[:1])) for one in self._assortment.departments()[:TILES]
        ]
        new = self._cards(self._assortment.newest(NEW_SHOWN))
        return self._page("home.html", tiles=[(one, cards[0]) for one, cards in tiles if cards], new=new)

    def category(self, category: Category, *, number: int, sort: Sort) -> str | None:
        """Write a page of a category; None beyond the last."""
        found = self._assortment.in_category(category, sort)
        chosen = {} if sort == "featured" else {"sort": sort}
        sorts = [
            Step(_url(category.url, {} if one == "featured" else {"sort": one}), one.capitalize(), one == sort)
            for one in SORTS
        ]
        if not _exists(found, number):
            return None
        way = [self._assortment.category(category.slugs[: i + 1]) for i in range(len(category.slugs))]
        return self._page(
            "category.html", category=category, way=way, cards=self._cards(page_of(found, number, PER_PAGE)),
            count=len(found), sorts=sorts, steps=_steps(category.url, chosen, len(found), number), number=number,
        )  # fmt: skip

    def product(self, product: Product) -> str:
        """Write a product's page."""
        sold = self._assortment.sold(product)
        variants = self._assortment.variants(product)
        return self._page(
            "product.html", product=product, card=card_of(product, sold=sold), stock=stock_told(product, sold=sold),
            way=self._assortment.way_to(product),
            variants=[(_variant_name(one), one.product_id == product.product_id, card_of(one)) for one in variants],
        )  # fmt: skip

    def search(self, words: str, *, number: int) -> str | None:
        """Write a page of what was found; None beyond the last."""
        found = self._assortment.search(words) if words else []
        if not _exists(found, number):
            return None
        return self._page(
            "search.html", words=words, cards=self._cards(page_of(found, number, PER_PAGE)), count=len(found),
            categories=self._assortment.categories_like(words)[:6], number=number,
            steps=_steps("/search", {"q": words}, len(found), number),
        )  # fmt: skip

    def cart(self) -> str:
        """Write the cart's page, which the browser fills."""
        return self._page("cart.html")

    def thanks(self) -> str:
        """Write what follows a purchase."""
        return self._page("thanks.html")

    def missing(self) -> str:
        """Write the page of what is not there."""
        return self._page("missing.html")

    def lines(self, product_ids: Sequence[str]) -> list[Card]:
        """Give the products of a cart as they are now; those that are gone are left out."""
        found = (self._assortment.product(product_id) for product_id in product_ids)
        return self._cards([product for product in found if product is not None])

    def _cards(self, products: Sequence[Product]) -> list[Card]:
        return [card_of(product, sold=self._assortment.sold(product)) for product in products]

    def _page(self, template: str, **known: object) -> str:
        return self._environment.get_template(template).render(departments=self._assortment.departments(), **known)


def _variant_name(product: Product) -> str:
    """Name a product among those of its group."""
    colour = product.attributes.get("colour")
    return colour if isinstance(colour, str) else product.title


def _exists(found: Sequence[Product], number: int) -> bool:
    return number == 1 or 1 <= number <= -(-len(found) // PER_PAGE)


def _steps(path: str, chosen: Mapping[str, str], count: int, number: int) -> list[Step]:
    """List the pages around one, the first and the last; none where there is only one."""
    last = -(-count // PER_PAGE)
    near = sorted({1, last, *range(max(1, number - 1), min(last, number + 1) + 1)})
    return [Step(_page_url(path, chosen, one), str(one), one == number) for one in near] if last > 1 else []


def _page_url(path: str, chosen: Mapping[str, str], number: int) -> str:
    return _url(path, {**chosen, **({"page": str(number)} if number > 1 else {})})


def _url(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
