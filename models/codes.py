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

BLOCK = 8
"""Answers, a byte each, looked at at once: most blocks have no yes among them."""

GROUP = 64
"""Rows, at most twice as many, that one stands for where the best are looked for."""


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


def products(codes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Multiply rows of bytes with a row of words, exactly: int32, shape (n,)."""
    return (_products_of_head if codes.shape[1] == HEAD else _products)(codes, words)


@compiled
def _products(codes: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Multiply rows of any length."""
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
def _reaching(values: np.ndarray, least: np.float32) -> np.ndarray:
    """List rows whose value reaches another: int64, ascending."""
    n = len(values)
    answers = np.empty(n, np.uint8)
    for row in range(n):
        answers[row] = values[row] >= least
    rows = np.empty(n, np.int64)
    count = 0
    blocks = answers[: n // BLOCK * BLOCK].view(np.uint64)
    for block in range(len(blocks)):
        if blocks[block] != 0:
            for row in range(BLOCK * block, BLOCK * block + BLOCK):
                rows[count] = row
                count += answers[row]
    for row in range(BLOCK * len(blocks), n):
        if answers[row]:
            rows[count] = row
            count += 1
    return rows[:count]


@compiled
def _greatest(values: np.ndarray, count: int) -> np.float32:
    """Give the `count`-th greatest."""
    _, best = top_n(np.arange(len(values)).astype(np.int32), values, len(values), count)
    return best[-1]


@compiled
def first_rows(scores: np.ndarray, count: int) -> np.ndarray:
    """List `count` rows or more, all of them among the best.

    The `count`-th best of the maxima of groups is a score that at least `count` rows reach. The rows of a group lie far
    apart: the loop over groups, and not that within one, is vector code.

    Args:
        scores: float32, shape (n,), finite.
        count: 1..n.

    Returns:
        int64, shape (count..n,), ascending.
    """
    groups = max(count, len(scores) // GROUP)
    tops = scores[:groups].copy()
    whole = len(scores) // groups * groups
    for first in range(groups, whole, groups):
        of_groups = scores[first : first + groups]
        for t in range(groups):
            tops[t] = max(tops[t], of_groups[t])
    for t in range(len(scores) - whole):
        tops[t] = max(tops[t], scores[whole + t])
    return _reaching(scores, _greatest(tops, count))


@compiled
def promising(
    totals: np.ndarray,
    head: Coded,
    rest: Coded,
    lengths: np.ndarray,
    ask: Words,
    ask_rest: Words,
    count: int,
    sure: int,
) -> np.ndarray:
    """List every row that can be among the best, and few others.

    A row's score lies within a known distance of what its bytes say. Of the `sure` rows whose first numbers say most,
    `count` reach a bound; a row that cannot, by its first numbers or by all of them, is out.

    Args:
        totals: int32, shape (n,): the first numbers' products.
        head: of each row the first numbers, n rows or more.
        rest: of each row the other numbers.
        lengths: float32: of each row's other numbers.
        ask: the query's first numbers.
        ask_rest: the query's other numbers.
        count: how many are wanted, at most `sure`.
        sure: rows that the bound is taken from, at most n.

    Returns:
        int64, shape (count..n,), ascending.
    """
    n = len(totals)
    scores, best_case = np.empty(n, np.float32), np.empty(n, np.float32)
    step, base = np.float32(ask.step), np.float32(2 * ask.lost + ROUNDING)
    length, rest_length = np.float32(ask.length), np.float32(ask_rest.length)
    for row in range(n):
        score = np.float32(totals[row]) * (head.steps[row] * step)
        scores[row] = score
        best_case[row] = score + (base + length * head.lost[row] + rest_length * lengths[row])
    low, _ = _bounds(first_rows(scores, sure), scores, head, rest, ask, ask_rest)
    least = _greatest(low, count)
    rows = _reaching(best_case, least)
    _, high = _bounds(rows, scores, head, rest, ask, ask_rest)
    return rows[_reaching(high, least)]


@compiled
def _bounds(
    rows: np.ndarray, scores: np.ndarray, head: Coded, rest: Coded, ask: Words, ask_rest: Words
) -> tuple[np.ndarray, np.ndarray]:
    """Give what some rows score at least and at most, by all their bytes: float32, shape (len(rows),)."""
    low, high = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    step, base = np.float32(ask_rest.step), np.float32(2 * ask.lost + 2 * ask_rest.lost + ROUNDING)
    length, rest_length = np.float32(ask.length), np.float32(ask_rest.length)
    for t in range(len(rows)):
        row = rows[t]
        total = np.int32(0)
        for k in range(rest.codes.shape[1]):
            total += np.int32(rest.codes[row, k]) * np.int32(ask_rest.words[k])
        score = scores[row] + np.float32(total) * (rest.steps[row] * step)
        slack = base + length * head.lost[row] + rest_length * rest.lost[row]
        low[t], high[t] = score - slack, score + slack
    return low, high


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
