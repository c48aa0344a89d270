"""Maximal marginal relevance over unit vectors, one candidate at a time."""

import numpy as np

from models.kernel import compiled


@compiled
def _greedy(relevance: np.ndarray, similarity: np.ndarray, penalty: float, count: int) -> np.ndarray:
    n = relevance.shape[0]
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
            nearest[i] = max(nearest[i], similarity[best, i])
    return picked


def diversify(relevance: np.ndarray, vectors: np.ndarray, *, penalty: float, count: int) -> np.ndarray:
    """Order candidates by relevance less their likeness to what stands before them.

    value(i) = relevance(i) - penalty * max cosine(i, already picked); ties keep the given order.

    Args:
        relevance: float32, shape (n,), 0..1, best first.
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
    return _greedy(relevance.astype(np.float32), vectors @ vectors.T, penalty, count)
