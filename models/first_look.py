"""How candidates are weighed for somebody of whom nothing is known: by the sources alone, as they stand.

The blend learns from visits under way. What it makes of popularity and words there (they say little beside what was
just viewed) is no answer to what to show before the first view.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

PERSONAL: Final = frozenset(
    {
        "session", "session_knn", "covisitation", "transitions", "session_bpr", "history", "factors", "together",
        "basket_knn", "anchored",
    }
)  # fmt: skip
"""Sources that know something of a visitor, or of what they are looking at."""

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"words": 2.0, "popular": 1.0, "content": 0.1, "campaign": 0.1, "new": 0.05}
)
"""By source, times the share of its best score."""


def knows_nobody(sources: Collection[str], done: Sequence[object]) -> bool:
    """Say whether a visitor has done nothing, now or before, and no candidate comes from anything they did."""
    return not done and PERSONAL.isdisjoint(sources)


def first_look(sources: Collection[str], shares: np.ndarray) -> np.ndarray:
    """Weigh candidates.

    Args:
        sources: names of the rows of `shares`.
        shares: float32, shape (len(sources), n): scores as shares 0..1 of their source's best.

    Returns:
        float32, shape (n,), comparable within one query.

    >>> first_look(["popular", "words"], np.array([[1.0, 0.5], [0.0, 1.0]], np.float32)).tolist()
    [1.0, 2.5]
    """
    total = np.zeros(shares.shape[1], np.float32)
    for source, share in zip(sources, shares, strict=True):
        total += np.float32(WEIGHTS.get(source, 0.0)) * share
    return total
