"""Exact search in memory: the oracle the other indexes are tested against, and what `auto` serves from."""

from collections.abc import Collection, Sequence

import numpy as np

from models.coded_rows import CodedRows
from models.codes import dots
from models.ports import Neighbour
from models.vectors import VectorTable, check_shape, nearest, unit


class NumpyVectorIndex:
    """Cosine top-n over one matrix.

    Args:
        dim: numbers per vector.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._table = VectorTable(dim)
        self._coded = CodedRows(dim)

    def upsert(self, product_ids: Sequence[str], vectors: np.ndarray, *, categories: Sequence[str]) -> None:
        """Insert or replace products; see `models.ports.VectorIndex`."""
        check_shape(vectors, len(product_ids), self.dim)
        table = self._table
        for product_id, vector, category in zip(product_ids, unit(vectors), categories, strict=True):
            table.put(product_id, vector, category)
        rows = [table.rows[product_id] for product_id in dict.fromkeys(product_ids)]
        self._coded.put(np.array(rows, np.int64), table.matrix)

    def remove(self, product_ids: Collection[str]) -> None:
        """Forget products; unknown ones are ignored."""
        for product_id in product_ids:
            row = self._table.rows.get(product_id)
            if row is not None:
                self._table.remove(product_id)
                self._coded.move(len(self._table), row)

    def near(
        self, vector: np.ndarray, *, limit: int, category: str | None = None, exclude: Collection[str] = ()
    ) -> list[Neighbour]:
        """Find the nearest products exactly; see `models.ports.VectorIndex`."""
        check_shape(vector, None, self.dim)
        if limit <= 0:
            return []
        table, query = self._table, unit(vector)
        absent = [row for row in map(table.rows.get, exclude) if row is not None]
        rows = self._candidates(query, category, limit + len(absent))
        if absent:
            rows = rows[~np.isin(rows, absent)]
        return nearest(rows, dots(table.matrix, rows, query), table.ids, limit)

    def __len__(self) -> int:
        return len(self._table)

    def close(self) -> None:
        """Nothing is held."""

    def _candidates(self, query: np.ndarray, category: str | None, count: int) -> np.ndarray:
        """List the rows to be looked at in full: those of a category, else those that can be among the best."""
        table = self._table
        if category is not None:
            return np.flatnonzero(table.codes == table.codes_of.get(category, -1))
        return self._coded.promising(table.matrix, query, count)
