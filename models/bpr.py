"""Kernels of session BPR: one step of learning, and the best of some items.

Vectors are float32, rows of one matrix, of a length that is a multiple of 16; no step reads more than it touches.
"""

import math

import numpy as np

from models.kernel import compiled, next_random, top_n

LANES = 16
HALF_WIDTH = 0.1 * 3.0**0.5
"""New vectors are uniform within it: standard deviation 0.1."""

BIAS_STEP = 0.1
"""Biases move by a tenth of the step: popularity is another source's to tell."""

FAR = 30.0
"""A margin beyond which there is nothing to learn, or nothing more."""


@compiled
def _dot(a: np.ndarray, b: np.ndarray, lanes: np.ndarray) -> np.float32:
    """Multiply two vectors in a fixed order, 16 sums at a time, so that the loop is vector code without fastmath."""
    lanes[:] = 0.0
    for f in range(0, len(a), LANES):
        for lane in range(LANES):
            lanes[lane] += a[f + lane] * b[f + lane]
    total = np.float32(0.0)
    for lane in range(LANES):
        total += lanes[lane]
    return total


@compiled
def _head(vectors: np.ndarray, live: np.ndarray, recent: np.ndarray, decay: float, heading: np.ndarray) -> np.float32:
    """Write sum of decay**age x vector over sqrt(sum of decay**age), and return 1 / that root; 0.0 without any item."""
    heading[:] = 0.0
    total = np.float32(0.0)
    weight = np.float32(1.0)
    for row in recent:
        if live[row]:
            for f in range(len(heading)):
                heading[f] += weight * vectors[row, f]
            total += weight
        weight *= np.float32(decay)
    if total == 0.0:
        return np.float32(0.0)
    scale = np.float32(1.0 / math.sqrt(total))
    for f in range(len(heading)):
        heading[f] *= scale
    return scale


@compiled
def _awaken(vectors: np.ndarray, live: np.ndarray, row: int, random: np.ndarray) -> None:
    """Start a row at random, unless it has started."""
    if live[row]:
        return
    live[row] = True
    for f in range(vectors.shape[1]):
        vectors[row, f] = np.float32((next_random(random) / 4611686018427387904.0 - 1.0) * HALF_WIDTH)


@compiled
def learn(
    vectors: np.ndarray,
    biases: np.ndarray,
    live: np.ndarray,
    ring: np.ndarray,
    filled: int,
    item: int,
    recent: np.ndarray,
    negatives: int,
    lr: float,
    l2: float,
    decay: float,
    random: np.ndarray,
) -> None:
    """Move the item towards where the session heads and the negatives away, one after the other.

    The wanted vector changes with each negative, but only along itself and the heading: kept x itself + along x heading
    holds throughout, so that it is written once. The session's items move last, by the sum of what pulled.
    """
    _awaken(vectors, live, item, random)
    for row in recent:
        _awaken(vectors, live, row, random)
    width = vectors.shape[1]
    scratch = np.zeros((2, width), np.float32)
    heading, pull = scratch[0], scratch[1]
    lanes = np.empty(LANES, np.float32)
    scale = _head(vectors, live, recent, decay, heading)
    if scale == 0.0 or filled == 0:
        return
    wanted = vectors[item]
    start = _dot(heading, wanted, lanes)
    length = _dot(heading, heading, lanes)
    shrink = np.float32(1.0 - lr * l2)
    kept, along = np.float32(1.0), np.float32(0.0)
    pull_kept, pull_along = np.float32(0.0), np.float32(0.0)
    for _ in range(negatives):
        row = ring[next_random(random) % filled]
        if row < 0 or row == item:
            continue
        other = vectors[row]
        margin = kept * start + along * length + biases[item] - _dot(heading, other, lanes) - biases[row]
        step = np.float32(lr / (1.0 + math.exp(min(FAR, max(-FAR, margin)))))
        pull_kept += step * kept
        pull_along += step * along
        for f in range(width):
            before = other[f]
            pull[f] -= step * before
            other[f] = shrink * before - step * heading[f]
        kept *= shrink
        along = shrink * along + step
        biases[item] += step * np.float32(BIAS_STEP)
        biases[row] -= step * np.float32(BIAS_STEP)
    for f in range(width):
        before = wanted[f]
        pull[f] += pull_kept * before + pull_along * heading[f]
        wanted[f] = kept * before + along * heading[f]
    weight = scale
    for row in recent:
        for f in range(width):
            vectors[row, f] += weight * pull[f]
        weight *= np.float32(decay)


@compiled
def best(
    vectors: np.ndarray,
    biases: np.ndarray,
    live: np.ndarray,
    recent: np.ndarray,
    items: np.ndarray,
    decay: float,
    seen: np.ndarray,
    most: int,
    above: float,
    limit: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Score the first `most` live items, each once, and select the best of those above a score.

    `seen` is all false before and after.
    """
    heading = np.empty(vectors.shape[1], np.float32)
    lanes = np.empty(LANES, np.float32)
    room = min(most, len(items))
    ids = np.empty(room, np.int32)
    scores = np.empty(room, np.float32)
    count = 0
    if _head(vectors, live, recent, decay, heading) > 0.0:
        for row in items:
            if row < 0 or row >= len(live) or seen[row] or not live[row]:
                continue
            if count == room:
                break
            seen[row] = True
            ids[count] = row
            count += 1
    kept = 0
    for t in range(count):
        row = ids[t]
        seen[row] = False
        score = biases[row] + _dot(heading, vectors[row], lanes)
        if score > above:
            ids[kept] = row
            scores[kept] = score
            kept += 1
    return top_n(ids, scores, kept, limit)
