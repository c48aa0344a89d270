"""One training row of the blend: what the candidates looked like just before the visitor chose."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any

import numpy as np

from models.blend import FEATURES, Blend, Described
from models.examination import discount
from models.features import candidates_of
from models.knowledge import Knowledge
from models.landing import landing_of
from models.lesson import gaps_in, leaves_in, unknown_to
from models.retrieval import Found
from models.session import Applied, Context
from schemas.learning import LearningStep, TrainingRow, pack_features

HARD, UNIFORM = 4, 4
"""Negatives per row: from the current top 20, and from all candidates."""

NO_SLATE: Mapping[str, int] = MappingProxyType({})
NO_RANKS: Mapping[int, int] = MappingProxyType({})

_SHOWN_RANK = FEATURES.index("shown_rank")

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


def told_with(step: LearningStep, applied: Applied, knowledge: Knowledge) -> dict[str, Any]:
    """Give what the model needs of a step from elsewhere: where the visit came from, and what the catalogue knows."""
    catalogue = knowledge.catalogue
    return {
        "landing": landing_of(applied.context.landing),
        "unknown": unknown_to(catalogue, step),
        "gap_days": gaps_in(step, applied.context_before.purchased, catalogue.item_of),
        **leaves_in(step, knowledge.leaf_of_item),
    }


def learnable(found: Found) -> Found:
    """Leave out what the blend cannot tell apart: what is hardly known has a slot of its own."""
    return {source: ranked for source, ranked in found.items() if source != "cold"}


def choice(step: LearningStep, context: Context) -> tuple[str, ...]:
    """Give the items of a step that somebody of whom something is known has chosen; what was in the cart is no choice.

    Args:
        step: what is learned.
        context: the visitor before it.
    """
    if not (context.steps or context.profile_items):
        return ()
    if step.kind == "purchase":
        known = {*step.cart, *(item for item, _ in step.context)}
        return tuple(item for item, _ in step.items if item not in known)
    return tuple(item for item, _ in step.items) if step.kind in {"view", "click", "cart"} else ()


def training_row(
    chosen: Sequence[str],
    found: Found,
    context: Context,
    knowledge: Knowledge,
    *,
    event_id: str,
    slate: Mapping[str, int] = NO_SLATE,
    weight: float = 1.0,
) -> TrainingRow | None:
    """Describe a chosen item and 8 others with the context and model from before the event.

    A true item that no source had is still written, with nothing present, so that it is counted what the sources miss.

    Args:
        chosen: the items that were chosen, at least one; one of them is drawn, and none is a negative.
        found: candidates retrieved from the context before, rows of the fact table.
        context: the visitor's context before the event.
        knowledge: what the sources know now.
        event_id: seeds the draws.
        slate: product -> rank of what was seen on the slate that was clicked, the chosen product included.
        weight: of the row.

    Returns:
        the row, or None where there is nothing to compare with.
    """
    rows = [knowledge.facts.row(item) for item in chosen]
    positive = _random(event_id).choice(rows)
    described = candidates_of(found, context, knowledge, also=positive)
    ranks = {row: rank for product, rank in slate.items() if (row := knowledge.facts.row_of(product))}
    blend = knowledge.model.blend
    return example(described, positive, rows, blend, event_id=event_id, ranks=ranks, weight=weight)


def example(
    described: Described,
    positive: int,
    chosen: Collection[int],
    blend: Blend,
    *,
    event_id: str,
    ranks: Mapping[int, int] = NO_RANKS,
    weight: float = 1.0,
) -> TrainingRow | None:
    """Write the training row of candidates that are described already.

    Most of why a product of a slate was clicked and one that was not on it was not is that it was there: the blend
    learns that as the weight of `shown_rank`, which serving never fills, and not as a merit of the sources that put it
    there.

    Args:
        described: the candidates, `positive` among them.
        positive: the row of the item the example is about.
        chosen: rows of all that was chosen.
        blend: ranks them, for the hard negatives.
        event_id: seeds the draws.
        ranks: of what was seen on the slate that was clicked, by row.
        weight: of the training row.
    """
    scores = np.round(blend.score(described.features), 4)
    order = [at for at in np.argsort(-scores, kind="stable").tolist() if described.ids[at] not in chosen]
    if len(order) < HARD + UNIFORM:
        return None
    at = int(np.flatnonzero(described.ids == positive)[0])
    places = [at, *_negatives(order, _random(event_id))]
    features = described.features[places]
    if ranks:
        seen = (ranks.get(row) for row in described.ids[places].tolist())
        features[:, _SHOWN_RANK] = [0.0 if rank is None else discount(rank) for rank in seen]
    return TrainingRow.model_construct(
        version=Blend.VERSION,
        rows=len(features),
        columns=features.shape[1],
        features=pack_features(features),
        weight=weight,
    )


def _random(event_id: str) -> Random:
    return Random(int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest()))


def _negatives(ranked: list[int], random: Random) -> list[int]:
    """Draw four of the best others and four of the rest."""
    hard = random.sample(range(min(TOP, len(ranked))), min(HARD, TOP, len(ranked)))
    best = [ranked[place] for place in hard]
    for place in sorted(hard, reverse=True):
        del ranked[place]
    return best + random.sample(ranked, min(UNIFORM, len(ranked)))
