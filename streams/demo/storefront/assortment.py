"""What the shop has, as its pages need it: by product, by category, by words."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal, get_args

from models.catalogue import Catalogue
from models.words import TitleIndex, words_of
from schemas.products import Product
from streams.demo.storefront.categories import Category, Slugs, tree_of

Sort = Literal["featured", "cheapest", "dearest", "newest"]
SORTS: tuple[Sort, ...] = get_args(Sort)

STALE_AFTER = timedelta(seconds=5)
"""Names of products and categories are read anew so often; prices and stock are always those of now."""

MATCHES = 400


class Assortment:
    """Products that can be looked at, from a catalogue that changes meanwhile.

    Args:
        catalogue: whoever follows `catalog.products` keeps it.
        now: the time; products go on sale by it.
    """

    def __init__(self, catalogue: Catalogue, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._catalogue = catalogue
        self._now = now
        self._levels: dict[Slugs, Category] = {}
        self._titles = TitleIndex()
        self._indexed: set[str] = set()
        self._read_at: datetime | None = None

    def product(self, product_id: str) -> Product | None:
        """Give a product that has a page: sold out or not, but neither hidden nor yet to come."""
        product = self._catalogue.get(product_id)
        if product is None or product.hidden:
            return None
        return None if product.available_from and product.available_from > self._now() else product

    def picture(self, product_id: str) -> Product | None:
        """Give a product to draw, whether it can be looked at or not."""
        return self._catalogue.get(product_id)

    def sold(self, product: Product) -> bool:
        """Say whether a product can be bought now."""
        return self._catalogue.available(product.product_id, self._now())

    def departments(self) -> list[Category]:
        """List the top of the tree."""
        return [level for level in self._read().values() if len(level.slugs) == 1]

    def category(self, slugs: Slugs) -> Category | None:
        """Give a level of the tree."""
        return self._read().get(slugs)

    def way_to(self, product: Product) -> list[Category]:
        """List the levels a product stands in, from the top."""
        leaf = tree_of([("", product.category)])
        return [level for slugs in leaf if (level := self.category(slugs)) is not None]

    def in_category(self, category: Category, sort: Sort = "featured") -> list[Product]:
        """List what can be bought of a category, one product per group."""
        ids = (product_id for leaf in category.leaves for product_id in self._catalogue.in_category(leaf))
        return _sorted(self._speakers(sorted(ids)), sort)

    def variants(self, product: Product) -> list[Product]:
        """List the products of a group that have a page; alone, where there is no group."""
        found = (self.product(one) for one in self._catalogue.variants(product.item))
        return [one for one in found if one is not None]

    def newest(self, limit: int) -> list[Product]:
        """List what came last."""
        return self._speakers(self._catalogue.newest(self._now(), limit))

    def search(self, words: str) -> list[Product]:
        """Find products by the words of their titles and categories, best first."""
        self._read()
        return self._speakers(product_id for product_id, _ in self._titles.match(words, limit=MATCHES))

    def categories_like(self, words: str) -> list[Category]:
        """Find categories by a word of their name."""
        sought = set(words_of(words))
        return [level for level in self._read().values() if sought & set(words_of(level.name))]

    def _speakers(self, product_ids: Iterable[str]) -> list[Product]:
        """Choose one product that can be bought for each group, in the order given."""
        now, catalogue = self._now(), self._catalogue
        items = dict.fromkeys(catalogue.item_of(product_id) for product_id in product_ids)
        return [one for item in items if (one := catalogue.representative(item, now)) is not None]

    def _read(self) -> dict[Slugs, Category]:
        """Read the names anew if that is due."""
        now = self._now()
        if self._read_at is None or now - self._read_at >= STALE_AFTER:
            self._read_at = now
            paths = [(leaf, self._index(self._catalogue.in_category(leaf))) for leaf in self._catalogue.categories()]
            self._levels = tree_of((leaf, path) for leaf, path in paths if path)
            self._forget_removed()
        return self._levels

    def _index(self, product_ids: Sequence[str]) -> tuple[str, ...]:
        """Index the titles of a leaf category's products; give its path."""
        path: tuple[str, ...] = ()
        for product in map(self._catalogue.get, product_ids):
            if product is not None:
                path = product.category
                self._titles.put(product.product_id, f"{product.title} {' '.join(path[-1:])}")
                self._indexed.add(product.product_id)
        return path

    def _forget_removed(self) -> None:
        for product_id in [one for one in self._indexed if one not in self._catalogue]:
            self._titles.remove(product_id)
            self._indexed.discard(product_id)


def _sorted(products: list[Product], sort: Sort) -> list[Product]:
    match sort:
        case "cheapest":
            return sorted(products, key=_price)
        case "dearest":
            return sorted(products, key=_price, reverse=True)
        case "newest":
            return sorted(products, key=_since, reverse=True)
        case "featured":
            return products


def _price(product: Product) -> float:
    return (product.price or 0.0) if product.sale_price is None else product.sale_price


def _since(product: Product) -> datetime:
    return product.available_from or product.updated_at or datetime.min.replace(tzinfo=UTC)


def page_of(products: Sequence[Product], number: int, size: int) -> list[Product]:
    """Give a page of a list, counted from 1."""
    return list(islice(products, (number - 1) * size, number * size))
