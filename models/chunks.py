"""How a hundred candidates are judged thirty at a time on one scale: later chunks repeat some products of earlier ones.

A model's scores mean something within one answer; the products repeated, the anchors, say by how much two answers
differ, as common items do between two forms of a test.

Source: Kolen and Brennan, Test Equating, Springer 1995, sections 1.4.5 (common items) and 2.1 (mean equating).
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from models.prompt import MAX_PRODUCTS
from models.verdict import MAX_SCORE
from schemas.judgements import MAX_ASKED

ANCHORS: Final = 3
"""Judged products in a chunk."""


class Chunk(NamedTuple):
    """What one call judges: products that have a score already, and products that need one, best candidate first."""

    anchors: tuple[str, ...]
    fresh: tuple[str, ...]

    @property
    def product_ids(self) -> tuple[str, ...]:
        """All of them, at most 30."""
        return self.anchors + self.fresh


def next_chunk(wanted: Sequence[str], judged: Mapping[str, float]) -> Chunk | None:
    """Choose what to judge next; None where everything wanted has a score.

    What a call gave no score is chosen again: leave it out of `wanted` to go on without it.

    Args:
        wanted: candidates, best first; the first 100 count, each once.
        judged: scores 0..10 so far of this segment and intent, of any products that may still be asked about.

    >>> next_chunk(["a", "b", "c"], {"b": 5.0, "z": 1.0})
    Chunk(anchors=('z', 'b'), fresh=('a', 'c'))
    """
    fresh = [product_id for product_id in dict.fromkeys(wanted[:MAX_ASKED]) if product_id not in judged]
    if not fresh:
        return None
    anchors = _anchors(judged)
    return Chunk(anchors, tuple(fresh[: MAX_PRODUCTS - len(anchors)]))


def aligned(scores: Mapping[str, float], chunk: Chunk, judged: Mapping[str, float]) -> dict[str, float]:
    """Bring a chunk's scores onto the scale of what was judged before: shift by the anchors' mean difference.

    Args:
        scores: what the model gave, 0..10, of any of the chunk's products.
        chunk: what was asked.
        judged: the scores that the anchors have.

    Returns:
        scores of fresh products, 0..10, two decimals; the anchors keep theirs. No anchor answered, no shift.

    >>> aligned({"z": 3.0, "b": 6.0, "a": 8.0, "c": 9.5}, Chunk(("z", "b"), ("a", "c")), {"b": 5.0, "z": 1.0})
    {'a': 6.5, 'c': 8.0}
    """
    differences = [judged[anchor] - scores[anchor] for anchor in chunk.anchors if anchor in scores and anchor in judged]
    shift = fmean(differences) if differences else 0.0
    return {
        product_id: round(min(max(scores[product_id] + shift, 0.0), MAX_SCORE), 2)
        for product_id in chunk.fresh
        if product_id in scores
    }


def _anchors(judged: Mapping[str, float]) -> tuple[str, ...]:
    """Take the middle of the lowest, the middle and the highest third; ties by id.

    Not the ends: where the scale ends, a model that is stricter or milder than before cannot show it.
    """
    ranked = sorted(judged, key=lambda product_id: (judged[product_id], product_id))
    if len(ranked) <= ANCHORS:
        return tuple(ranked)
    return tuple(ranked[(2 * part + 1) * len(ranked) // (2 * ANCHORS)] for part in range(ANCHORS))
