"""Exact search in memory: the oracle the other indexes are tested against, and the fastest up to 50,000 products.

Processes that serve from it start with `OPENBLAS_NUM_THREADS=1` (set in `streams/cli/main.py` before numpy is
imported): with its default threads one query took 50 times as long on a busy machine.
"""

from collections.abc import Collection, Sequence

import numpy as np

from models.ports import Neighbour
from models.vectors import VectorTable, check_shape, ranked, unit

GATHER_SHARE = 0.3
"""Below this share of matching rows, multiplying only those is faster than multiplying all and masking."""


class NumpyVectorIndex:
    """Cosine top-n over one matrix.

    Args:
        dim: numbers per vector.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._table = VectorTable(dim)

    def upsert(self, product_ids: Sequence[str], vectors: np.ndarray, *, categories: Sequence[str]) -> None:
        """Insert or replace products; see `models.ports.VectorIndex`."""
        check_shape(vectors, len(product_ids), self.dim)
        for product_id, vector, category in zip(product_ids, unit(vectors), categories, strict=True):
            self._table.put(product_id, vector, category)

    def remove(self, product_ids: Collection[str]) -> None:
        """Forget products; unknown ones are ignored."""
        for product_id in product_ids:
            self._table.remove(product_id)

    def near(
        self, vector: np.ndarray, *, limit: int, category: str | None = None, exclude: Collection[str] = ()
    ) -> list[Neighbour]:
        """Find the nearest products exactly; see `models.ports.VectorIndex`."""
        check_shape(vector, None, self.dim)
        rows, scores = self._scores(unit(vector), category)
        known = [row for row in map(self._table.rows.get, exclude) if row is not None]
        if known:
            scores[np.isin(rows, known) if rows is not None else known] = -np.inf
        best = _top(scores, limit)
        found = best if rows is None else rows[best]
        ids = self._table.ids
        return ranked((ids[row], score) for row, score in zip(found.tolist(), scores[best].tolist(), strict=True))

    def __len__(self) -> int:
        return len(self._table)

    def close(self) -> None:
        """Nothing is held."""

    def _scores(self, query: np.ndarray, category: str | None) -> tuple[np.ndarray | None, np.ndarray]:
        """Score all rows (None) or those of a category, with their row numbers."""
        table = self._table
        if category is None:
            return None, table.matrix @ query
        rows = np.flatnonzero(table.codes == table.codes_of.get(category, -1))
        if len(rows) < GATHER_SHARE * len(table):
            return rows, table.matrix[rows] @ query
        return rows, (table.matrix @ query)[rows]


def _top(scores: np.ndarray, limit: int) -> np.ndarray:
    """Pick the positions of the greatest scores, in no order; excluded ones (-inf) never."""
    many = 0 < limit < len(scores)
    best = np.argpartition(scores, len(scores) - limit)[-limit:] if many else np.arange(len(scores))[:limit]
    return best[scores[best] > -np.inf]
