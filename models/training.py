"""One training row of the blend: what the candidates looked like just before the visitor chose."""

import hashlib
from random import Random

import numpy as np

from models.blend import Blend
from models.features import candidates_of
from models.knowledge import Knowledge
from models.retrieval import Found
from models.session import Context
from schemas.learning import TrainingRow, pack_features

HARD, UNIFORM = 4, 4
"""Negatives per row: from the current top 20, and from all candidates."""

TOP = 20


def sampled(event_id: str, share: float) -> bool:
    """Say whether an event is in a share 0..1 of all events; the same answer on every worker and replay."""
    return int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=4).digest()) < share * 2**32


class RowBudget:
    """At most so many training rows a second of arrival time: under load, slates come first.

    >>> budget = RowBudget(per_s=1)
    >>> [budget.take(at_ms) for at_ms in (0, 900, 1000)]
    [True, False, True]
    """

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._second = -1
        self._left = 0

    def take(self, at_ms: int) -> bool:
        """Take one row from the second's budget, if there is any left."""
        if at_ms // 1000 != self._second:
            self._second, self._left = at_ms // 1000, self._per_s
        self._left -= 1
        return self._left >= 0


def training_row(
    positive: str, found: Found, context: Context, knowledge: Knowledge, *, event_id: str
) -> TrainingRow | None:
    """Describe the chosen item and 8 others with the context and model from before the event.

    A true item that no source had is still written, with nothing present, so that the blend learns what it misses.

    Args:
        positive: the item that was chosen.
        found: candidates retrieved from the context before, rows of the fact table.
        context: the visitor's context before the event.
        knowledge: what the sources know now.
        event_id: seeds the choice of negatives.

    Returns:
        the row, or None where there is nothing to compare with.
    """
    row = knowledge.facts.row(positive)
    described = candidates_of(found, context, knowledge, also=row)
    if len(described.ids) <= HARD + UNIFORM:
        return None
    at = int(np.flatnonzero(described.ids == row)[0])
    scores = np.round(knowledge.model.blend.score(described.features), 4)
    features = described.features[[at, *_negatives(at, scores, event_id)]]
    return TrainingRow.model_construct(
        version=Blend.VERSION,
        rows=len(features),
        columns=features.shape[1],
        features=pack_features(features),
        weight=1.0,
    )


def _negatives(positive: int, scores: np.ndarray, event_id: str) -> list[int]:
    """Draw four of the best others and four of the rest, seeded by the event."""
    random = Random(int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest()))
    ranked = np.argsort(-scores, kind="stable").tolist()
    ranked.remove(positive)
    hard = random.sample(range(min(TOP, len(ranked))), min(HARD, TOP, len(ranked)))
    best = [ranked[place] for place in hard]
    for place in sorted(hard, reverse=True):
        del ranked[place]
    return best + random.sample(ranked, min(UNIFORM, len(ranked)))
