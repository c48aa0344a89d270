"""Vectors in a byte a number: what a search reads first, and how wrong that can be.

A search over float vectors is bound by memory, and what it reads pushes everything else out of the caches. A quarter of
the bytes gives every score up to a known error; only rows that could still be among the best are then read in full.
"""

from typing import NamedTuple

import numpy as np

from models.kernel import compiled, top_n

BYTE = 127
WORD = 32_767
INT32 = 2**31 - 1
ROUNDING = 5e-5
"""Above what float32 loses in a sum of thousands of products of unit vectors."""

HEAD = 128
"""Numbers that are read of every row, where only some are."""

BLOCK = 64
"""Scores looked at at once: most blocks have none among the best."""


class Coded(NamedTuple):
    """Vectors in bytes: int8, shape (n, dim); what a unit of each row stands for, and the length of what it lost.

    Both are float32, shape (n,).
    """

    codes: np.ndarray
    steps: np.ndarray
    lost: np.ndarray


def coded(vectors: np.ndarray) -> Coded:
    """Write vectors in bytes.

    Args:
        vectors: float32, shape (n, dim), of length up to 1.

    >>> codes, steps, lost = coded(np.array([[0.6, -0.8]], np.float32))
    >>> codes.tolist(), round(float(steps[0]) * 127, 4), bool(lost[0] < 0.01)
    ([[95, -127]], 0.8, True)
    """
    top = np.abs(vectors).max(axis=1, initial=0.0)
    steps = np.where(top > 0, top / np.float32(BYTE), np.float32(1.0)).astype(np.float32)
    codes = np.round(vectors / steps[:, None]).astype(np.int8)
    return Coded(codes, steps, np.linalg.norm(vectors - codes * steps[:, None], axis=1).astype(np.float32))


class Words(NamedTuple):
    """A query in 16 bits a number, as long as sums of products fit into 32: unit, length, and length of the loss."""

    words: np.ndarray
    step: float
    length: float
    lost: float


def worded(query: np.ndarray) -> Words:
    """Write a query, float32, shape (dim,), of length up to 1."""
    finest = min(WORD, INT32 // (BYTE * max(1, len(query))))
    step = float(np.abs(query).max(initial=0.0)) / finest or 1.0  # a query of zeros
    words = np.round(query / np.float32(step)).astype(np.int16)
    lost = float(np.linalg.norm(query - words * np.float32(step)))
    return Words(words, step, float(np.linalg.norm(query)), lost)


def scores_of(codes: np.ndarray, steps: np.ndarray, query: Words) -> np.ndarray:
    """Score rows of bytes: float32, shape (n,); the sums behind them are exact."""
    products = _products_of_head if codes.shape[1] == HEAD else _products
    return products(codes, query.words).astype(np.float32) * (steps * np.float32(query.step))


@compiled
def _products(codes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Multiply rows of bytes with a row of words, exactly: int32, shape (n,)."""
    totals = np.empty(len(codes), np.int32)
    for row in range(len(codes)):
        total = np.int32(0)
        for k in range(codes.shape[1]):
            total += np.int32(codes[row, k]) * np.int32(words[k])
        totals[row] = total
    return totals


@compiled
def _products_of_head(codes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Do the same for rows of `HEAD`: a loop whose length the compiler knows takes half the time."""
    totals = np.empty(len(codes), np.int32)
    for row in range(len(codes)):
        total = np.int32(0)
        for k in range(HEAD):
            total += np.int32(codes[row, k]) * np.int32(words[k])
        totals[row] = total
    return totals


@compiled
def first_rows(scores: np.ndarray, count: int) -> np.ndarray:
    """List `count` rows or more, all of them among the best.

    The `count`-th best of the maxima of blocks is a score that at least `count` rows reach.

    Args:
        scores: float32, shape (n,), finite.
        count: 1..n.

    Returns:
        int64, shape (count..n,), ascending.
    """
    size = min(BLOCK, len(scores) // count)
    blocks = (len(scores) + size - 1) // size
    best = np.empty(blocks, np.float32)
    for block in range(blocks):
        top = scores[block * size]
        for row in range(block * size, min(len(scores), (block + 1) * size)):
            top = max(top, scores[row])
        best[block] = top
    _, least = top_n(np.arange(blocks).astype(np.int32), best, blocks, count)
    return np.flatnonzero(scores >= least[-1])


@compiled
def reaching(scores: np.ndarray, slack: np.ndarray, least: float) -> np.ndarray:
    """List rows whose best case reaches a score: int64, ascending."""
    rows = np.empty(len(scores), np.int64)
    count = 0
    for row in range(len(scores)):
        rows[count] = row
        count += scores[row] + slack[row] >= least
    return rows[:count]


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
