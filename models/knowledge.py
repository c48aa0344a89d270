"""What a slate is decided from besides the visitor: the folds of the logs, side by side."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from models.catalogue import Catalogue, leaf_of
from models.content import Content
from models.model import Model
from models.words import TitleIndex
from schemas.products import Product


class Facts(NamedTuple):
    """What features need of an item, at hand: its leaf category ("" for none), log price (0 where unknown)."""

    leaf: str
    log_price: float


NO_FACTS = Facts("", 0.0)


@dataclass
class Knowledge:
    """The catalogue, its vectors and title words, and the learned model.

    `facts` is by item; of a group the variant that came last speaks.
    """

    catalogue: Catalogue
    content: Content
    model: Model
    words: TitleIndex = field(default_factory=TitleIndex)
    facts: dict[str, Facts] = field(default_factory=dict)

    def put_product(self, product: Product, *, arrived_ms: int = 0) -> None:
        """Take a product's newest record."""
        self.catalogue.put(product, arrived_ms=arrived_ms)
        self.words.put(product.product_id, product.title)
        leaf = leaf_of(product)
        self.content.categorise(product.product_id, leaf)
        self.facts[product.item] = Facts(leaf, math.log(product.price) if product.price else 0.0)

    def remove_product(self, product_id: str) -> None:
        """Forget a product that is gone."""
        self.facts.pop(self.catalogue.item_of(product_id), None)
        self.catalogue.remove(product_id)
        self.content.remove(product_id)
        self.words.remove(product_id)
