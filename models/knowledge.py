"""What a slate is decided from besides the visitor: the folds of the logs, side by side."""

from models.catalogue import Catalogue, leaf_of
from models.content import Content
from models.crosswalk import Crosswalk
from models.facets import FacetTable
from models.facts import FactTable
from models.judgements import Judgements, JudgingRules
from models.model import Model
from models.neighbours import Neighbours
from models.words import TitleIndex
from schemas.products import Product


class Knowledge:
    """The catalogue, its vectors and title words, the learned model, and what a language model thinks.

    Args:
        content: vectors, without any yet.
        model: empty, or restored from a snapshot.
        judging: which judgements count.
    """

    def __init__(self, *, content: Content, model: Model, judging: JudgingRules | None = None) -> None:
        self.catalogue = Catalogue()
        self.content = content
        self.model = model
        self.words = TitleIndex()
        self.facts = FactTable()
        self.neighbours = Neighbours(content, self.facts)
        self.crosswalk = Crosswalk(model.items, self.facts)
        self.facets = FacetTable(self.catalogue)
        self.judgements = Judgements(self.catalogue, self.facts, judging or JudgingRules())

    def put_product(self, product: Product, *, arrived_ms: int = 0) -> None:
        """Take a product's newest record."""
        before = self.catalogue.item_of(product.product_id)
        priced = self.facets.priced(product.product_id)
        self.catalogue.put(product, arrived_ms=arrived_ms)
        self.facets.changed(product.product_id, priced)
        self._state(product.item)
        self.facts.assign(product.product_id, product.item)
        if before != product.item:
            self._state(before)
        self.words.put(product.product_id, product.title)
        self.content.categorise(product.product_id, leaf_of(product))

    def remove_product(self, product_id: str) -> None:
        """Forget a product that is gone.

        Its vector goes with its own log's tombstone: were it taken here, a worker that reads the vector later would
        know it and one that read it before would not.
        """
        item = self.catalogue.item_of(product_id)
        priced = self.facets.priced(product_id)
        self.catalogue.remove(product_id)
        self.facets.changed(product_id, priced)
        self.facts.unassign(product_id)
        self._state(item)
        self.content.categorise(product_id, "")
        self.words.remove(product_id)

    def leaf_of_item(self, item: str) -> str:
        """Name an item's leaf category, empty where it has none."""
        return self.facts.leaf_of(item)

    def _state(self, item: str) -> None:
        """Bring the facts of an item up to date with the catalogue."""
        self.judgements.forget_wording(item)
        offer = self.catalogue.offer_of(item)
        if offer is None:
            self.facts.remove(item)
        else:
            self.facts.put(offer)
