"""The reserved slot: one rank of a slate for a product that hardly anybody knows yet and that fits the session."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from models.features import Candidates
from models.knowledge import Knowledge
from models.shortlist import Request, Shortlist, SlateRules, emphasised, unopposed, variant

COLD: Final = "cold"
"""The source of what fits."""

MARK: Final = "reserved"
"""Stands among the sources of what the slot holds, and of nothing else."""


class Reserved(NamedTuple):
    """What the slot holds: a place in the shortlist, and whether the slot alone brought it there."""

    at: int
    alone: bool


def reserve(
    order: Sequence[int],
    listed: Shortlist,
    request: Request,
    candidates: Candidates,
    knowledge: Knowledge,
    rules: SlateRules,
) -> tuple[Shortlist, Reserved | None]:
    """Choose the product of the reserved slot: the cold one that fits best, less fatigue, so that they take turns.

    There is none where the placement has no such slot, where a cold product stands at its rank or above anyway, where
    none fits, and where the slate is too short to make room.

    Args:
        order: the slate so far, places in the shortlist.
        listed: the shortlist.
        request: what is asked for.
        candidates: of the event; those of the source `cold` fit.
        knowledge: the catalogue.
        rules: constants.

    Returns:
        the shortlist, with the product at its end where it was not in it, and what is reserved.
    """
    rank = request.placement.reserves_cold
    if rank is None or len(order) < request.placement.size:
        return listed, None
    fits = candidates.of_source(COLD) & ~candidates.viewed
    if not fits.any() or fits[listed.places[list(order[:rank])]].any():
        return listed, None
    open_places = unopposed(request, candidates, knowledge, rules)
    open_places = open_places[fits[open_places]]
    share = candidates.shares[candidates.sources.index(COLD)]
    likeness = np.round(share * rules.fatigue**candidates.times_shown, 4)
    names = knowledge.facts.names
    for place in sorted(open_places.tolist(), key=lambda one: (-likeness[one], names[candidates.rows[one]])):
        known = np.flatnonzero(listed.places == place)
        if len(known):
            return listed, Reserved(int(known[0]), alone=False)
        product_id = variant(place, candidates, request, knowledge)
        if product_id is not None:
            return _with(listed, place, product_id, request, candidates, rules), Reserved(
                len(listed.products), alone=True
            )
    return listed, None


def placed(order: Sequence[int], slots: dict[int, int]) -> list[int]:
    """Put places at 1-based ranks of an order, the others closing up.

    >>> placed([5, 6, 7, 8], {2: 8, 3: 9})
    [5, 8, 9, 6, 7]
    """
    taken = set(slots.values())
    found = [at for at in order if at not in taken]
    for rank in sorted(slots):
        found.insert(rank - 1, slots[rank])
    return found


def _with(
    listed: Shortlist, place: int, product_id: str, request: Request, candidates: Candidates, rules: SlateRules
) -> Shortlist:
    relevance = emphasised(request.placement, candidates, rules)[place]
    return Shortlist(
        np.append(listed.places, place), [*listed.products, product_id], np.append(listed.relevance, relevance)
    )
