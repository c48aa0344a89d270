"""Why candidates are not on a slate: the filters again, one candidate at a time, for explanations."""

from typing import Literal

import numpy as np

from models.catalogue import NO_OFFER
from models.features import Candidates
from models.knowledge import Knowledge
from models.shortlist import Request, Shortlist, SlateRules, resting, unopposed
from schemas.record import epoch_ms

Objection = Literal[
    "hidden",
    "out of stock",
    "not on sale yet",
    "what the shelf belongs to",
    "in the cart",
    "bought recently",
    "category of the cart",
    "restricted to its own category",
    "no variant can be bought here",
    "below the shortlist",
]
"""What speaks against a candidate; the last is no filter but the end of the list."""


def objections(
    request: Request, candidates: Candidates, listed: Shortlist, knowledge: Knowledge, rules: SlateRules
) -> dict[int, Objection]:
    """Say what kept each candidate off the shortlist, by place among the candidates.

    Args:
        request: what was asked for.
        candidates: of the event.
        listed: the shortlist of the same request.
        knowledge: the catalogue.
        rules: constants.
    """
    allowed = set(unopposed(request, candidates, knowledge, rules).tolist())
    kept = set(listed.places.tolist())
    against = _Against(request, knowledge, rules)
    found: dict[int, Objection] = {}
    for place, row in enumerate(candidates.rows.tolist()):
        if place in kept:
            continue
        if place not in allowed:
            found[place] = against.row(row)
        elif candidates.asked.get(place, "") is None:
            found[place] = "no variant can be bought here"
        else:
            found[place] = "below the shortlist"
    return found


class _Against:
    """The filters of one request, in the order in which they are best understood."""

    def __init__(self, request: Request, knowledge: Knowledge, rules: SlateRules) -> None:
        facts = knowledge.facts
        self._knowledge = knowledge
        self._at_ms = epoch_ms(request.at)
        self._anchors = set(map(facts.row_of, request.anchors))
        self._cart = set(map(facts.row_of, request.context.cart))
        self._resting = set(resting(request, knowledge, rules))
        own = facts.leaf[facts.rows_of(request.anchors)]
        self._barred = set() if request.placement.same_leaf else set(np.unique(own[own > 0]).tolist())

    def row(self, row: int) -> Objection:
        facts = self._knowledge.facts
        if facts.offer[row] == NO_OFFER:
            return self._unsold(facts.names[row])
        if facts.since_ms[row] > self._at_ms:
            return "not on sale yet"
        if row in self._anchors:
            return "what the shelf belongs to"
        if row in self._cart:
            return "in the cart"
        if row in self._resting:
            return "bought recently"
        if int(facts.leaf[row]) in self._barred:
            return "category of the cart"
        return "restricted to its own category"

    def _unsold(self, item: str) -> Objection:
        catalogue = self._knowledge.catalogue
        products = [catalogue.get(product_id) for product_id in catalogue.variants(item)]
        return "hidden" if all(product is None or product.hidden for product in products) else "out of stock"
