"""Rows of vectors by product: one growing matrix, no holes."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from models.ports import Neighbour

FIRST_CAPACITY = 256


class VectorTable:
    """Unit vectors with a category each, in one matrix.

    Rows are dense: a removed row is filled by the last one, so `matrix[: len(table)]` is always all there is.

    Args:
        dim: numbers per vector.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.ids: list[str] = []
        self.rows: dict[str, int] = {}
        self.codes_of: dict[str, int] = {}
        self._matrix = np.zeros((FIRST_CAPACITY, dim), np.float32)
        self._codes = np.zeros(FIRST_CAPACITY, np.int32)
        self._names: list[str] = []

    @property
    def matrix(self) -> np.ndarray:
        """Give all vectors, float32, shape (len, dim), as a view."""
        return self._matrix[: len(self.ids)]

    @property
    def codes(self) -> np.ndarray:
        """Give all category codes, int32, shape (len,), as a view; `codes_of` names them."""
        return self._codes[: len(self.ids)]

    def put(self, product_id: str, unit: np.ndarray, category: str) -> None:
        """Insert or replace one vector of length 1, float32, shape (dim,)."""
        row = self.rows.get(product_id)
        if row is None:
            row = self.rows[product_id] = len(self.ids)
            self.ids.append(product_id)
            if row == len(self._matrix):
                self._grow()
        self._matrix[row] = unit
        self._codes[row] = self._code(category)

    def categorise(self, product_id: str, category: str) -> bool:
        """Change the category of a vector; False when there is none, or it is the same."""
        row = self.rows.get(product_id)
        if row is None or self.category(product_id) == category:
            return False
        self._codes[row] = self._code(category)
        return True

    def category(self, product_id: str) -> str:
        """Give the category of a vector that is there."""
        return self._names[self._codes[self.rows[product_id]]]

    def remove(self, product_id: str) -> bool:
        """Forget a vector; False when there was none."""
        row = self.rows.pop(product_id, None)
        if row is None:
            return False
        last_id = self.ids.pop()
        last = len(self.ids)
        if row != last:
            self.ids[row] = last_id
            self.rows[last_id] = row
            self._matrix[row] = self._matrix[last]
            self._codes[row] = self._codes[last]
        return True

    def gather(self, product_ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Collect vectors.

        Returns:
            float32, shape (len(product_ids), dim), zeros where there is none; bool, shape (len(product_ids),), True
            where there is one.
        """
        rows = np.fromiter(map(self.rows.get, product_ids, itertools.repeat(-1)), np.int64, len(product_ids))
        found = rows >= 0
        vectors = self._matrix[rows]
        vectors[~found] = 0
        return vectors, found

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, product_id: str) -> bool:
        return product_id in self.rows

    def _code(self, category: str) -> int:
        code = self.codes_of.get(category)
        if code is None:
            code = self.codes_of[category] = len(self._names)
            self._names.append(category)
        return code

    def _grow(self) -> None:
        self._matrix = np.concatenate([self._matrix, np.zeros_like(self._matrix)])
        self._codes = np.concatenate([self._codes, np.zeros_like(self._codes)])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors to length 1, along the last axis; zero vectors stay zero.

    >>> unit(np.array([3.0, 4.0])).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    vectors = np.asarray(vectors, np.float32)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32, copy=False)


def check_shape(vectors: np.ndarray, rows: int | None, dim: int) -> None:
    """Refuse vectors that do not fit an index.

    Raises:
        ValueError: with both shapes.
    """
    shape = (dim,) if rows is None else (rows, dim)
    if np.shape(vectors) != shape:
        raise ValueError(f"vectors of shape {np.shape(vectors)} for an index that takes {shape}")


def ranked(found: Iterable[tuple[str, float]]) -> list[Neighbour]:
    """Order by score, then id; scores rounded to 6 decimals, so that equal vectors tie whatever their row."""
    order = sorted([(-round(score, 6), product_id) for product_id, score in found])
    return [Neighbour(product_id, -negative) for negative, product_id in order]


def nearest(rows: np.ndarray, scores: np.ndarray, ids: Sequence[str], limit: int) -> list[Neighbour]:
    """Do what `ranked` does for rows of a table, and cut the list short.

    Args:
        rows: int64, shape (n,).
        scores: float32, shape (n,): their six decimals are found exactly, since a millionfold fits into float64.
        ids: of all rows of the table.
        limit: at most this many.
    """
    values = np.rint(scores.astype(np.float64) * 1e6) / 1e6
    order = np.argsort(-values, kind="stable")
    values = values[order]
    end = int(np.searchsorted(-values, -values[limit - 1], side="right")) if limit < len(values) else len(values)
    names, values = [ids[row] for row in rows[order[:end]].tolist()], values[:end]
    found = list(zip(names, values.tolist(), strict=True))
    if (values[1:] == values[:-1]).any():
        found.sort(key=lambda one: (-one[1], one[0]))
    return list(itertools.islice(itertools.starmap(Neighbour, found), limit))
