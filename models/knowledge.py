"""What a slate is decided from besides the visitor: the folds of the logs, side by side."""

from dataclasses import dataclass, field

from models.catalogue import Catalogue
from models.content import Content
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

    def put_product(self, product: Product) -> None:
        """Take a product's newest record."""
        self.catalogue.put(product)
        self.words.put(product.product_id, product.title)

    def remove_product(self, product_id: str) -> None:
        """Forget a product that is gone."""
        self.catalogue.remove(product_id)
        self.content.remove(product_id)
        self.words.remove(product_id)
