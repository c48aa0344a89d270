"""Which exploration pool a product belongs to, by what is known of it now."""

from collections.abc import Collection, Sequence

import numpy as np

from models.bandit import POOLS, Pool
from models.features import COLD_BELOW
from models.kernel import compiled
from models.knowledge import Knowledge

_NEW, _NEIGHBOUR, _TAIL = (POOLS.index(name) for name in ("new", "neighbour", "long_tail"))


class Pools:
    """Sort items into pools beside one visitor's session.

    Args:
        views: the products the session has looked at.
        new: rows of the newest items of the shop, int32.
        knowledge: the catalogue and the model.
    """

    def __init__(self, views: Collection[str], new: np.ndarray, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._new = new
        facts = knowledge.facts
        home = facts.rows_of(views)
        self._leaves, self._parents = facts.leaf[home], facts.parent[home]

    def of(self, rows: np.ndarray) -> Sequence[Pool]:
        """Name the pool of each row: hardly learned or just arrived, beside the session's categories, or the tail."""
        facts, model = self._knowledge.facts, self._knowledge.model
        cold = model.counts_of(self._knowledge.crosswalk.numbers(rows)) < COLD_BELOW
        codes = _sort(rows, cold, self._new, facts.leaf[rows], facts.parent[rows], self._leaves, self._parents)
        return [POOLS[code] for code in codes.tolist()]


@compiled
def _sort(
    rows: np.ndarray,
    cold: np.ndarray,
    new: np.ndarray,
    leaf: np.ndarray,
    parent: np.ndarray,
    leaves: np.ndarray,
    parents: np.ndarray,
) -> np.ndarray:
    codes = np.full(len(rows), _TAIL, np.int8)
    for t in range(len(rows)):
        beside = False
        for s in range(len(leaves)):
            beside = beside or (parents[s] == parent[t] and parent[t] > 0)
        for s in range(len(leaves)):
            beside = beside and leaves[s] != leaf[t]
        if beside:
            codes[t] = _NEIGHBOUR
        if cold[t] or (new == rows[t]).any():
            codes[t] = _NEW
    return codes
