"""The catalogue in words: what the language model may read of each item, the same as every worker holds against it."""

from models.catalogue import Catalogue
from models.wording import Worded, word
from schemas.products import Product


class Wordings:
    """Takes products as `models.knowledge.Knowledge` does, and keeps of them what a judge needs.

    >>> words = Wordings()
    >>> words.put_product(Product(product_id="1", title="Mug"))
    >>> words.word("1").title, words.word("2")
    ('Mug', None)
    """

    def __init__(self) -> None:
        self._catalogue = Catalogue()
        self._worded: dict[str, Worded | None] = {}

    def put_product(self, product: Product, *, arrived_ms: int = 0) -> None:
        """Take a product's newest record."""
        before = self._catalogue.item_of(product.product_id)
        self._catalogue.put(product, arrived_ms=arrived_ms)
        for item in (before, product.item):
            self._worded.pop(item, None)

    def remove_product(self, product_id: str) -> None:
        """Forget a product that is gone."""
        self._worded.pop(self._catalogue.item_of(product_id), None)
        self._catalogue.remove(product_id)

    def word(self, item: str) -> Worded | None:
        """Put an item into words, by the variant that speaks for it; None where it is gone or must not be named.

        One that is sold out keeps its words and its judgement: it will be back.
        """
        if item in self._worded:
            return self._worded[item]
        offer = self._catalogue.offer_of(item)
        if offer is None:
            return None
        worded = self._worded[item] = word(offer.speaker)
        return worded
