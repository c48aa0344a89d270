"""What the compiled kernels share: one decorator, best-n selection, tables of weighted partners, growth, hashing.

No fastmath and no parallel loops anywhere: the same log has to give the same bits in every process.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numba import njit

F = TypeVar("F", bound=Callable[..., object])

SHARED = ("blend.py", "kernel.py", "pair_limit.py", "session_ring.py")
"""Files with kernels or constants that kernels of other files use."""

_shared_stamp = hashlib.sha256(b"".join((Path(__file__).parent / name).read_bytes() for name in SHARED)).digest()


def compiled(function: F) -> F:
    """Compile a kernel; the machine code is kept beside the source, or in `NUMBA_CACHE_DIR`.

    numba looks for changes in the kernel's own file only: a change in what it calls would go unseen, and this worker
    would learn another model than the others. So the shared files are part of what the cache is valid for.
    """
    kernel = njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function)
    cache_file = getattr(getattr(kernel, "_cache", None), "_cache_file", None)  # neither exists when numba is disabled
    if cache_file is not None:
        cache_file._source_stamp = (cache_file._source_stamp, _shared_stamp)  # noqa: SLF001  numba has no other way
    return kernel


def hash63(text: str) -> int:
    """Hash a name to 0..2**63-1, the same in every process (Python's own `hash` is salted)."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") >> 1


def grown(array: np.ndarray, rows: int, cap: int) -> np.ndarray:
    """Return the array with room for `rows`, doubled so that growth costs O(1) a row.

    Args:
        array: any dtype, shape (n, ...); new rows are zero.
        rows: at least this many, 0..cap.
        cap: never more than this many.
    """
    if rows <= len(array):
        return array
    bigger = np.zeros((min(cap, max(rows, 2 * len(array))), *array.shape[1:]), array.dtype)
    bigger[: len(array)] = array
    return bigger


@compiled
def _worse(score_a: float, id_a: int, score_b: float, id_b: int) -> bool:
    return score_a < score_b or (score_a == score_b and id_a > id_b)


@compiled
def _sink(ids: np.ndarray, scores: np.ndarray, size: int) -> None:
    """Restore a heap, worst at the root, after its root has changed."""
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            return
        other = child + 1
        if other < size and _worse(scores[other], ids[other], scores[child], ids[child]):
            child = other
        if not _worse(scores[child], ids[child], scores[i], ids[i]):
            return
        ids[i], ids[child] = ids[child], ids[i]
        scores[i], scores[child] = scores[child], scores[i]
        i = child


@compiled
def top_n(ids: np.ndarray, scores: np.ndarray, count: int, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Select the best, best first, equal scores by the smaller number.

    Args:
        ids: int32, shape (>= count,).
        scores: float32, shape (>= count,), finite.
        count: how many of them to look at.
        limit: at most this many.

    Returns:
        ids int32 and scores float32, shape (min(limit, count),).
    """
    size = min(limit, count)
    best = np.empty(size, np.int32)
    value = np.empty(size, np.float32)
    for t in range(size):
        i = t
        best[i] = ids[t]
        value[i] = scores[t]
        while i > 0:
            parent = (i - 1) >> 1
            if not _worse(value[i], best[i], value[parent], best[parent]):
                break
            best[i], best[parent] = best[parent], best[i]
            value[i], value[parent] = value[parent], value[i]
            i = parent
    for t in range(size, count):
        if size > 0 and _worse(value[0], best[0], scores[t], ids[t]):
            best[0] = ids[t]
            value[0] = scores[t]
            _sink(best, value, size)
    for last in range(size - 1, 0, -1):
        best[0], best[last] = best[last], best[0]
        value[0], value[last] = value[last], value[0]
        _sink(best, value, last)
    return best, value


@compiled
def add_weight(ids: np.ndarray, weights: np.ndarray, used: np.ndarray, row: int, partner: int, delta: float) -> None:
    """Add to one partner's weight in a row; a full row gives up its weakest partner.

    Args:
        ids: int32, shape (rows, slots).
        weights: float32, shape (rows, slots).
        used: int32, shape (rows,): slots in use.
        row: whose row.
        partner: whom to add.
        delta: what to add.
    """
    size = used[row]
    weakest = 0
    for j in range(size):
        if ids[row, j] == partner:
            weights[row, j] += np.float32(delta)
            return
        if weights[row, j] < weights[row, weakest]:
            weakest = j
    if size < ids.shape[1]:
        weakest = size
        used[row] = size + 1
    ids[row, weakest] = partner
    weights[row, weakest] = np.float32(delta)


@compiled
def drop_partners(ids: np.ndarray, weights: np.ndarray, used: np.ndarray, gone: np.ndarray, rows: int) -> None:
    """Take items out of every row, keeping the others' order; `gone` is bool by item number.

    Rows of items that are gone themselves are emptied by the caller, who knows what the rows stand for.
    """
    for row in range(rows):
        kept = 0
        for j in range(used[row]):
            if not gone[ids[row, j]]:
                ids[row, kept] = ids[row, j]
                weights[row, kept] = weights[row, j]
                kept += 1
        used[row] = kept


@compiled
def next_random(state: np.ndarray) -> np.int64:
    """Draw 63 bits by xorshift64; `state` is uint64, shape (1,), never 0.

    Source: Marsaglia, Xorshift RNGs, 2003.
    """
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return np.int64(x >> np.uint64(1))
