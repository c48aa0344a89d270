"""What a slate is decided from besides the visitor: the folds of the logs, side by side."""

from dataclasses import dataclass, field

from models.catalogue import Catalogue, leaf_of
from models.content import Content
from models.facts import FactTable
from models.model import Model
from models.words import TitleIndex
from schemas.products import Product


@dataclass
class Knowledge:
    """The catalogue, its vectors and title words, and the learned model."""

    catalogue: Catalogue
    content: Content
    model: Model
    words: TitleIndex = field(default_factory=TitleIndex)
    facts: FactTable = field(default_factory=FactTable)

    def put_product(self, product: Product, *, arrived_ms: int = 0) -> None:
        """Take a product's newest record."""
        self.catalogue.put(product, arrived_ms=arrived_ms)
        self.words.put(product.product_id, product.title)
        self.content.categorise(product.product_id, leaf_of(product))
        self.facts.put(product)

    def remove_product(self, product_id: str) -> None:
        """Forget a product that is gone."""
        item = self.catalogue.item_of(product_id)
        self.catalogue.remove(product_id)
        if not self.catalogue.variants(item):
            self.facts.remove(item)
        self.content.remove(product_id)
        self.words.remove(product_id)

    def leaf_of_item(self, item: str) -> str | None:
        """Name the leaf category of an item: that of its first variant."""
        variants = self.catalogue.variants(item)
        return (self.catalogue.category_of(variants[0]) or None) if variants else None
