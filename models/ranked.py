"""What one source found."""

from typing import NamedTuple

import numpy as np

from models.kernel import compiled


class Ranked(NamedTuple):
    """Candidates of one source, best first: `ids` int32, distinct; `scores` float32, finite; both of shape (n,).

    What the ids number depends on who speaks: the model's items, or the rows of the fact table.
    """

    ids: np.ndarray
    scores: np.ndarray


NONE = Ranked(np.empty(0, np.int32), np.empty(0, np.float32))


@compiled
def translate(
    ids: np.ndarray, scores: np.ndarray, lengths: np.ndarray, table: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rename candidates of several sources, leaving out those whose new name is not positive.

    Args:
        ids: int32, shape (n,), 0..len(table) - 1: one source's after the other's.
        scores: float32, shape (n,).
        lengths: int64, shape (sources,): how many each source has; n together.
        table: int32, the new name of each id.

    Returns:
        int32 and float32, shape (<= n,), in the same order; int64, shape (sources,): where each source's now end.
    """
    kept, t = 0, 0
    names, values = np.empty(len(ids), np.int32), np.empty(len(ids), np.float32)
    ends = np.empty(len(lengths), np.int64)
    for source in range(len(lengths)):
        for _ in range(lengths[source]):
            name = table[ids[t]]
            if name > 0:
                names[kept] = name
                values[kept] = scores[t]
                kept += 1
            t += 1
        ends[source] = kept
    return names[:kept], values[:kept], ends


@compiled
def first_of_each(ids: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep each id where it stands first, and only positive ones; for a few hundred.

    >>> rows, scores = first_of_each(np.array([3, 0, 3, 1], np.int32), np.array([4, 3, 2, 1], np.float32))
    >>> rows.tolist(), scores.tolist()
    ([3, 1], [4.0, 1.0])
    """
    kept = 0
    names, values = np.empty(len(ids), np.int32), np.empty(len(ids), np.float32)
    for t in range(len(ids)):
        known = 0
        for before in range(kept):
            known += names[before] == ids[t]
        if ids[t] > 0 and known == 0:
            names[kept] = ids[t]
            values[kept] = scores[t]
            kept += 1
    return names[:kept], values[:kept]


@compiled
def _without(ids: np.ndarray, scores: np.ndarray, own: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    kept = 0
    names, values = np.empty(min(limit, len(ids)), np.int32), np.empty(min(limit, len(ids)), np.float32)
    for t in range(len(ids)):
        fine = kept < limit
        for other in own:
            fine = fine and other != ids[t]
        if fine:
            names[kept] = ids[t]
            values[kept] = scores[t]
            kept += 1
    return names[:kept], values[:kept]


def without(ranked: Ranked, own: np.ndarray, limit: int) -> Ranked:
    """Leave some ids out.

    Args:
        ranked: candidates, best first.
        own: int32, shape (m,), the ids to leave out.
        limit: keep at most this many.

    >>> found = Ranked(np.array([3, 1], np.int32), np.array([2, 1], np.float32))
    >>> without(found, np.array([3], np.int32), 5).ids.tolist()
    [1]
    """
    return Ranked(*_without(ranked.ids, ranked.scores, own, limit))
