"""Rows of vectors in bytes, turned so that a third of the bytes tells almost everything, and still exact.

What sets a shop's products apart lies in a few directions. Turned into those, the first numbers of a vector bound the
rest: a row's score is what they say, give or take the length of its rest times that of the query's (Cauchy and
Schwarz). Few rows can then be among the best; of those the rest is read too, in bytes.
"""

import numpy as np

from models.codes import HEAD, Coded, coded, products, promising, worded

TURNED = range(193, 1_025)
"""Dims that are turned: shorter vectors are read in full at once, longer ones would take seconds to turn."""

FITTED_AT = (1_024, 8_192)
"""Rows at which the directions are found, and found again; they decide how fast a search is, never what it finds."""

FIRST_CAPACITY = 256
CERTAIN = 2
"""Times the wanted count of rows is read in full for a bound that the others must reach."""


class CodedRows:
    """Find which rows can be among the best for a query.

    Args:
        dim: numbers per vector.
    """

    def __init__(self, dim: int) -> None:
        self.head = HEAD if dim in TURNED else dim
        self._directions: np.ndarray | None = None
        self._fitted = 0
        self._head = _empty(FIRST_CAPACITY, self.head)
        self._rest = _empty(FIRST_CAPACITY, dim - self.head)
        self._lengths = np.zeros(FIRST_CAPACITY, np.float32)

    def put(self, rows: np.ndarray, matrix: np.ndarray) -> None:
        """Take rows that are new or have changed.

        Args:
            rows: int64, shape (m,).
            matrix: float32, shape (n, dim): all vectors as they are now, of length 1.
        """
        self._grow(len(matrix))
        if matrix.shape[1] in TURNED and any(self._fitted < at <= len(matrix) for at in FITTED_AT):
            self._fitted = len(matrix)
            self._directions = _directions(matrix)
            rows = np.arange(len(matrix))
        for first in range(0, len(rows), FITTED_AT[0]):
            part = rows[first : first + FITTED_AT[0]]
            self._write(part, self._turned(matrix[part]))

    def move(self, source: int, target: int) -> None:
        """Let one row take another's place."""
        for column in (*self._head, *self._rest, self._lengths):
            column[target] = column[source]

    def promising(self, matrix: np.ndarray, query: np.ndarray, count: int) -> np.ndarray:
        """Find every row that can be among the `count` best for a query, and few others.

        Args:
            matrix: float32, shape (n, dim), contiguous: all vectors.
            query: float32, shape (dim,), length 1.
            count: at least 1.

        Returns:
            int64, shape (min(count, n)..n,), ascending.
        """
        n = len(matrix)
        if count >= n:
            return np.arange(n)
        turned = self._turned(query[None])[0]
        head, rest = worded(turned[: self.head]), worded(turned[self.head :])
        totals = products(self._head.codes[:n], head.words)
        return promising(totals, self._head, self._rest, self._lengths, head, rest, count, min(n, CERTAIN * count))

    def _turned(self, vectors: np.ndarray) -> np.ndarray:
        return vectors if self._directions is None else vectors @ self._directions

    def _write(self, rows: np.ndarray, turned: np.ndarray) -> None:
        for kept, part in ((self._head, turned[:, : self.head]), (self._rest, turned[:, self.head :])):
            for column, values in zip(kept, coded(part), strict=True):
                column[rows] = values
        self._lengths[rows] = np.linalg.norm(turned[:, self.head :], axis=1)

    def _grow(self, rows: int) -> None:
        have = len(self._lengths)
        if rows > have:
            more = max(rows, 2 * have) - have
            self._head, self._rest = (
                Coded(*(_longer(column, more) for column in part)) for part in (self._head, self._rest)
            )
            self._lengths = _longer(self._lengths, more)


def _directions(matrix: np.ndarray) -> np.ndarray:
    """Give the principal directions, strongest first, as columns: float32, shape (dim, dim), orthonormal."""
    sample = matrix[: FITTED_AT[-1]]
    _, vectors = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    return np.ascontiguousarray(vectors[:, ::-1], np.float32)


def _empty(rows: int, dim: int) -> Coded:
    return Coded(np.zeros((rows, dim), np.int8), np.zeros(rows, np.float32), np.zeros(rows, np.float32))


def _longer(column: np.ndarray, more: int) -> np.ndarray:
    return np.concatenate([column, np.zeros((more, *column.shape[1:]), column.dtype)])
