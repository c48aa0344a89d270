"""Products as vectors: the fold of `catalog.embeddings`."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from models.ports import Neighbour, VectorIndex
from models.vectors import VectorTable, unit

UPSERT_ROWS = 1000
"""Vectors handed to the index at once."""

Opener = Callable[[str, int], VectorIndex]
"""Opens an empty index for vectors of one (model, dim)."""


class _Space:
    """The vectors of one embedding model, and the index over them."""

    def __init__(self, index: VectorIndex, dim: int) -> None:
        self.index = index
        self.table = VectorTable(dim)
        self._waiting: dict[str, None] = {}

    def put(self, product_id: str, vector: np.ndarray, category: str) -> None:
        self.table.put(product_id, vector, category)
        self._waiting[product_id] = None
        if len(self._waiting) >= UPSERT_ROWS:
            self.flush()

    def categorise(self, product_id: str, category: str) -> None:
        if self.table.categorise(product_id, category):
            self._waiting[product_id] = None

    def remove(self, product_id: str) -> None:
        self._waiting.pop(product_id, None)
        if self.table.remove(product_id):
            self.index.remove([product_id])

    def flush(self) -> None:
        """Bring the index up to date; a lone vector at a time would cost a server a request each."""
        if not self._waiting:
            return
        ids = list(self._waiting)
        self._waiting.clear()
        vectors, _ = self.table.gather(ids)
        self.index.upsert(ids, vectors, categories=[self.table.category(product_id) for product_id in ids])


class Content:
    """What products are like, by vector.

    Vectors of different embedding models cannot be compared. The vectors of a new model gather beside the old ones,
    unused, until they cover as many products; then the old ones are dropped.

    Args:
        open_index: opens an empty index for (model, dim).

    Attributes:
        epoch: changes whenever a vector does.
        model: what made the vectors in use, "" before the first.
    """

    def __init__(self, open_index: Opener) -> None:
        self._open = open_index
        self._spaces: dict[str, _Space] = {}
        self._active: _Space | None = None
        self.epoch = 0
        self.model = ""

    @property
    def dim(self) -> int:
        """Numbers per vector; 0 before the first vector."""
        return self._active.table.dim if self._active else 0

    def put(self, product_id: str, vector: np.ndarray, category: str, *, model: str = "") -> None:
        """Insert or replace a product's vector.

        Args:
            product_id: the product.
            vector: shape (dim,), any length; zeros say nothing and count as no vector.
            category: its leaf category, "" for none.
            model: what made the vector.

        Raises:
            ValueError: the vector has another dim than those of the same model before it.
        """
        self.epoch += 1
        vector = unit(vector)
        space = self._space(model, len(vector))
        if not vector.any():
            space.remove(product_id)
            return
        space.put(product_id, vector, category)
        self._switch(model, space)

    def categorise(self, product_id: str, category: str) -> None:
        """Tell a product's leaf category when the product is read after its vector, or moves."""
        for space in self._spaces.values():
            space.categorise(product_id, category)

    def remove(self, product_id: str) -> None:
        """Forget a product; an unknown one is ignored."""
        self.epoch += 1
        for space in self._spaces.values():
            space.remove(product_id)

    def vector(self, product_id: str) -> np.ndarray | None:
        """Give a product's vector: float32, shape (dim,), length 1."""
        if self._active is None:
            return None
        row = self._active.table.rows.get(product_id)
        return None if row is None else self._active.table.matrix[row].copy()

    def vectors(self, product_ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Collect vectors.

        Returns:
            float32, shape (n, dim), zeros where there is none; bool, shape (n,), True where there is one.
        """
        if self._active is None:
            return np.zeros((len(product_ids), 0), np.float32), np.zeros(len(product_ids), bool)
        return self._active.table.gather(product_ids)

    def session_vector(self, steps: Sequence[tuple[str, float]]) -> np.ndarray | None:
        """Sum weight x vector over (product, weight) steps, scaled to length 1.

        Returns:
            float32, shape (dim,); None when no step of positive weight has a vector (the opposite of what was disliked
            is no direction), or they cancel out.
        """
        if self._active is None or not steps:
            return None
        vectors, found = self._active.table.gather([product_id for product_id, _ in steps])
        weights = np.fromiter((weight for _, weight in steps), np.float32, len(steps))
        if not (weights[found] > 0).any():
            return None
        total = weights @ vectors
        length = float(np.linalg.norm(total))
        return total / np.float32(length) if length > 1e-6 else None

    def near(
        self, vector: np.ndarray, limit: int, category: str | None = None, exclude: Collection[str] = ()
    ) -> list[Neighbour]:
        """Find the nearest products, best first, ties by product id.

        Args:
            vector: float32, shape (dim,).
            limit: at most this many.
            category: only this leaf category.
            exclude: never these products.

        Raises:
            DegradedError: the index did not answer in time; serve without it.
        """
        if self._active is None or limit <= 0:
            return []
        self._active.flush()
        return self._active.index.near(vector, limit=limit, category=category, exclude=exclude)

    def __len__(self) -> int:
        return len(self._active.table) if self._active else 0

    def __contains__(self, product_id: str) -> bool:
        return self._active is not None and product_id in self._active.table

    def close(self) -> None:
        """Release the indexes."""
        for space in self._spaces.values():
            space.index.close()

    def _space(self, model: str, dim: int) -> _Space:
        space = self._spaces.get(model)
        if space is None:
            space = self._spaces[model] = _Space(self._open(model, dim), dim)
        if dim != space.table.dim:
            raise ValueError(f"a vector of {dim} numbers among vectors of {space.table.dim} by the same model")
        return space

    def _switch(self, model: str, space: _Space) -> None:
        if space is self._active or (self._active is not None and len(space.table) < len(self._active.table)):
            return
        self.model, self._active = model, space
        for other in [name for name in self._spaces if name != model]:
            self._spaces.pop(other).index.close()
