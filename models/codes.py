"""Vectors in a byte a number: what a search reads first, and how wrong that can be.

A search over float vectors is bound by memory, and what it reads pushes everything else out of the caches. A quarter of
the bytes gives every score up to a known error; only rows that could still be among the best are then read in full.
"""

import numpy as np

from models.kernel import compiled, top_n

BYTE = 127
WORD = 32_767
INT32 = 2**31 - 1
ROUNDING = 5e-5
"""Above what float32 loses in a sum of thousands of products of unit vectors."""


def coded(vector: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Write a vector in bytes.

    Args:
        vector: float32, shape (dim,), length 1 or 0.

    Returns:
        int8, shape (dim,); what a unit of it stands for; the length of what is lost.

    >>> code, step, lost = coded(np.array([0.6, -0.8], np.float32))
    >>> code.tolist(), round(step * 127, 4), lost < 0.01
    ([95, -127], 0.8, True)
    """
    top = float(np.abs(vector).max(initial=0.0))
    step = top / BYTE if top > 0 else 1.0
    code = np.round(vector / step).astype(np.int8)
    return code, step, float(np.linalg.norm(vector - code * np.float32(step)))


def promising(codes: np.ndarray, steps: np.ndarray, lost: np.ndarray, query: np.ndarray, count: int) -> np.ndarray:
    """Find every row that can be among the `count` best for a query, and few others.

    By Cauchy and Schwarz a score is off by at most what its row lost, since the query's length is 1, and by what the
    query lost itself: rows whose best case is below the `count`-th best worst case are out.

    Args:
        codes: int8, shape (n, dim).
        steps: float32, shape (n,).
        lost: float32, shape (n,).
        query: float32, shape (dim,), length 1.
        count: at least 1.

    Returns:
        int64, shape (count..n,), ascending.
    """
    if count >= len(codes):
        return np.arange(len(codes))
    # Words as long as the sum of products fits into 32 bits.
    step = float(np.abs(query).max()) / min(WORD, INT32 // (BYTE * len(query))) or 1.0  # a query of zeros
    words = np.round(query / np.float32(step)).astype(np.int16)
    query_lost = float(np.linalg.norm(query - words * np.float32(step)))
    scores = _products(codes, words) * (steps * np.float32(step))
    return _possible(scores, lost + np.float32(2 * query_lost + ROUNDING), count)


@compiled
def _products(codes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Multiply rows of bytes with a row of words, exactly: int32, shape (n,)."""
    scores = np.empty(len(codes), np.int32)
    for row in range(len(codes)):
        total = np.int32(0)
        for k in range(codes.shape[1]):
            total += np.int32(codes[row, k]) * np.int32(words[k])
        scores[row] = total
    return scores


@compiled
def _possible(scores: np.ndarray, slack: np.ndarray, count: int) -> np.ndarray:
    """Find the `count`-th best worst case, and list the rows whose best case reaches it."""
    _, least = top_n(np.arange(len(scores)).astype(np.int32), scores - slack, len(scores), count)
    return np.flatnonzero(scores + slack >= least[-1])


@compiled
def dots(matrix: np.ndarray, rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Multiply some rows with a query; a row's score is the same to the bit whatever the other rows are.

    Args:
        matrix: float32, shape (n, dim), contiguous.
        rows: int64, shape (m,).
        query: float32, shape (dim,).

    Returns:
        float32, shape (m,).
    """
    scores = np.empty(len(rows), np.float32)
    lanes = np.empty(16, np.float32)
    whole = len(query) // 16 * 16
    for t in range(len(rows)):
        row = rows[t]
        lanes[:] = 0.0
        for k in range(0, whole, 16):
            for lane in range(16):
                lanes[lane] += matrix[row, k + lane] * query[k + lane]
        total = np.float32(0.0)
        for lane in range(16):
            total += lanes[lane]
        for k in range(whole, len(query)):
            total += matrix[row, k] * query[k]
        scores[t] = total
    return scores
