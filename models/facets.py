"""What kind of product a product is: department, for whom, and how dear it is among its like."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from models.catalogue import Catalogue
from models.wording import department, for_whom

Tier = Literal["low", "mid", "high", "any"]

PRICES = 500
"""Prices of a leaf category that its tiers are told from, at even distances by product id."""

FEWEST_PRICES = 6
"""Fewer products tell no tiers."""


class Facets(NamedTuple):
    """A product's department and for whom it is ("" where the catalogue does not say), and its price's tier."""

    department: str
    whom: str
    tier: Tier


NO_FACETS = Facets("", "", "any")


class Priced(NamedTuple):
    """A product's leaf category and price."""

    leaf: str
    price: float | None


class FacetTable:
    """The facets of products, worked out when they are needed and kept until the catalogue changes.

    Tiers are the thirds of the prices in a product's leaf category.

    Args:
        catalogue: the products.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._kinds: dict[str, tuple[str, str]] = {}
        self._thirds: dict[str, tuple[float, float] | None] = {}

    def of(self, product_id: str) -> Facets:
        """Give a product's facets; of an unknown one nothing is known, and a restricted one's are nobody's business."""
        product = self._catalogue.get(product_id)
        if product is None or product.restricted:
            return NO_FACETS
        kind = self._kinds.get(product_id)
        if kind is None:
            kind = self._kinds[product_id] = (department(product), for_whom(product))
        return Facets(*kind, self._tier(product_id))

    def priced(self, product_id: str) -> Priced | None:
        """Give what a product tells its category's tiers; None of an unknown one."""
        if product_id not in self._catalogue:
            return None
        return Priced(self._catalogue.category_of(product_id), self._catalogue.price_of(product_id))

    def changed(self, product_id: str, before: Priced | None) -> None:
        """Work out anew what follows from a product whose record has changed.

        Args:
            product_id: the product.
            before: what `priced` gave before; while that stays, as where a stock changes, tiers do.
        """
        self._kinds.pop(product_id, None)
        after = self.priced(product_id)
        if after != before:
            for one in (before, after):
                if one is not None:
                    self._thirds.pop(one.leaf, None)

    def _tier(self, product_id: str) -> Tier:
        price, leaf = self._catalogue.price_of(product_id), self._catalogue.category_of(product_id)
        if leaf not in self._thirds:
            self._thirds[leaf] = self._thirds_of(leaf)
        thirds = self._thirds[leaf]
        if price is None or thirds is None:
            return "any"
        return "low" if price < thirds[0] else "high" if price >= thirds[1] else "mid"

    def _thirds_of(self, leaf: str) -> tuple[float, float] | None:
        members = self._catalogue.in_category(leaf)
        some = members[:: -(-len(members) // PRICES)] if leaf else ()
        prices = [price for one in some if (price := self._catalogue.price_of(one)) is not None]
        if len(prices) < FEWEST_PRICES:
            return None
        low, high = np.quantile(prices, (1 / 3, 2 / 3)).tolist()
        return low, high


def heaviest(weighted: Iterable[tuple[str, float]], default: str = "") -> str:
    """Name what has the greatest weight in all, ties by name; empty names and weights below zero do not count.

    >>> heaviest([("a", 1.0), ("b", 0.7), ("b", 0.7), ("", 9.0), ("a", -5.0)])
    'b'
    """
    total: dict[str, float] = {}
    for name, weight in weighted:
        if name and weight > 0:
            total[name] = total.get(name, 0.0) + weight
    return min(total, key=lambda name: (-total[name], name), default=default)
