"""Which exploration pool a product belongs to, by what is known of it now."""

from collections.abc import Iterable

from models.explore import Pool
from models.features import COLD_BELOW
from models.knowledge import Knowledge


class Pools:
    """Sort products into pools beside one visitor's session.

    Args:
        views: the products the session has looked at.
        new: the newest items of the shop.
        knowledge: the catalogue and the model.
    """

    def __init__(self, views: Iterable[str], new: Iterable[str], knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._new = set(new)
        products = map(knowledge.catalogue.get, views)
        self._home = {product.category for product in products if product is not None}
        self._parents = {category[:-1] for category in self._home if len(category) > 1}

    def of(self, item: str, category: tuple[str, ...]) -> Pool:
        """Name the pool: hardly learned or just arrived, beside the session's categories, or the long tail."""
        if item in self._new or self._knowledge.model.count_of(item) < COLD_BELOW:
            return "new"
        if category[:-1] in self._parents and category not in self._home:
            return "neighbour"
        return "long_tail"
