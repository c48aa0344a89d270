"""What is like what: the index is asked once, and its answer kept until a vector or an item changes."""

import numpy as np

from models.content import Content
from models.facts import FactTable
from models.ranked import NONE, Ranked

REMEMBERED = 5_000
"""Answers kept: about 15 MB. A visitor's direction is asked for twice: for the slate, and at the next event for what
the slate should have had."""


class Neighbours:
    """Content candidates.

    Args:
        content: the vectors.
        facts: the catalogue's items.
    """

    def __init__(self, content: Content, facts: FactTable) -> None:
        self._content = content
        self._facts = facts
        self._known: dict[tuple[bytes | str, int], Ranked] = {}
        self._epochs = (-1, -1)

    def near(self, vector: np.ndarray, limit: int) -> Ranked:
        """Find the items nearest to a vector, float32, shape (dim,); of a group the nearest variant counts.

        Raises:
            DegradedError: the index did not answer in time; serve without it.
        """
        return self._find(vector.tobytes(), vector, limit)

    def near_product(self, product_id: str, limit: int) -> Ranked:
        """Find the items nearest to a product, itself included; nothing when it has no vector.

        Raises:
            DegradedError: the index did not answer in time; serve without it.
        """
        vector = self._content.vector(product_id)
        return NONE if vector is None else self._find(product_id, vector, limit)

    def _find(self, name: bytes | str, vector: np.ndarray, limit: int) -> Ranked:
        epochs = (self._content.epoch, self._facts.epoch)
        if epochs != self._epochs or len(self._known) >= REMEMBERED:
            self._epochs = epochs
            self._known.clear()
        known = self._known.get((name, limit))
        if known is None:
            known = self._known[name, limit] = self._facts.ranked(self._content.near(vector, limit))
        return known
