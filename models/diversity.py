"""Maximal marginal relevance over unit vectors, one candidate at a time."""

import numpy as np

from models.kernel import compiled

FINE = 2047
"""Steps of a coordinate from 0 to 1: products of vectors of up to 512 numbers fit into 32 bits."""


@compiled
def _greedy(relevance: np.ndarray, codes: np.ndarray, unit: float, penalty: float, count: int) -> np.ndarray:
    n, dim = codes.shape
    picked = np.empty(count, np.int64)
    free = np.ones(n, np.bool_)
    nearest = np.zeros(n, np.float32)
    for place in range(count):
        best, best_value = -1, np.float32(-1e30)
        for i in range(n):
            if free[i]:
                value = relevance[i] - np.float32(penalty) * nearest[i]
                if value > best_value:
                    best, best_value = i, value
        picked[place] = best
        free[best] = False
        for i in range(n):
            if free[i]:
                total = np.int32(0)
                for k in range(dim):
                    total += np.int32(codes[best, k]) * np.int32(codes[i, k])
                nearest[i] = max(nearest[i], np.float32(total * unit))
    return picked


def diversify(relevance: np.ndarray, vectors: np.ndarray, *, penalty: float, count: int) -> np.ndarray:
    """Order candidates by relevance less their likeness to what stands before them.

    value(i) = relevance(i) - penalty * max cosine(i, already picked); ties keep the given order. Cosines are worked
    out in whole numbers, right to about .001: the same on every machine, whatever library multiplies its matrices.

    Args:
        relevance: float, shape (n,), 0..1, best first.
        vectors: float32, shape (n, dim), rows of length 1 (zero where a product has none).
        penalty: 0 keeps the given order; 0.2 is strong.
        count: how many to pick, at most n.

    Returns:
        int64, shape (count,): indices into the candidates, in slate order.

    Source:
        Carbonell and Goldstein, SIGIR 1998.

    >>> twin = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    >>> diversify(np.array([1, 0.9, 0.85], np.float32), twin, penalty=0.2, count=3).tolist()
    [0, 2, 1]
    """
    if penalty == 0:
        return np.arange(count)
    fine = min(FINE, int((2**31 / max(1, vectors.shape[1])) ** 0.5) - 1)
    codes = np.rint(vectors * np.float32(fine)).astype(np.int16)
    return _greedy(relevance.astype(np.float32), codes, 1 / fine**2, penalty, count)
