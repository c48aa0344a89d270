"""The lists that are compared: the blend's, each source's, and rankings that cost nothing to have."""

from dataclasses import replace
from math import inf

import numpy as np

from models.blend import SOURCES
from models.facts import FactTable
from models.features import score
from models.knowledge import Knowledge
from models.placements import PLACEMENTS, Placement
from models.ranked import Ranked, without
from models.references import LastItemCooccurrence, RecentPopularity
from models.slate import Request, SlateRules, decide
from schemas.events import Event
from schemas.record import from_epoch_ms
from streams.evaluation.queries import Query
from streams.evaluation.shop import Asked, scored

BLEND, SLATE, UNRESERVED = "blend", "slate", "slate, no rank reserved"
BESIDE = ("cold",)
"""Sources that are no part of the blend."""

REFERENCES = ("popularity", "recent popularity", "co-occurrence")
SPARE = 30
"""References rank so many more than are looked at: some may have to be left out."""


class References:
    """Popularity, recent popularity and last-item co-occurrence, by item.

    Args:
        k: length of a list.
        facts: names the items, all that there will be.
    """

    def __init__(self, k: int, facts: FactTable) -> None:
        self._facts = facts
        self._row_of = {name: row for row, name in enumerate(facts.names)}
        self._popularity = RecentPopularity(k=k + SPARE, half_life=inf)
        self._recent = RecentPopularity(k=k + SPARE)
        self._after = LastItemCooccurrence(k=k + SPARE)

    def learn(self, last: int, row: int) -> None:
        """Count a product, after the session's last one (0 for none)."""
        names = self._facts.names
        self._popularity.learn_one(names[row])
        self._recent.learn_one(names[row])
        if last:
            self._after.learn_one(names[last], names[row])

    def rankings(self, last: int) -> dict[str, np.ndarray]:
        """Rank after the session's last product: rows by name of the reference."""
        after = self._after.rank(self._facts.names[last] if last else None)
        found = zip(REFERENCES, (self._popularity.rank(), self._recent.rank(), after), strict=True)
        row_of = self._row_of.__getitem__
        return {name: np.fromiter(map(row_of, items), np.int32, len(items)) for name, items in found}


def rankers(*, slates: bool) -> tuple[str, ...]:
    """Name all that is compared, the blend first."""
    return (BLEND, *([SLATE, UNRESERVED] if slates else []), *SOURCES, *BESIDE, *REFERENCES)


def lists_of(asked: Asked, query: Query, k: int, knowledge: Knowledge) -> dict[str, np.ndarray]:
    """Give the blend's and the sources' first k, what must not be listed left out: rows of the fact table."""
    lists = {BLEND: shown(scored(asked, knowledge.model.blend), query, k)}
    for source in (*SOURCES, *BESIDE):
        if source in asked.found:
            lists[source] = shown(asked.found[source].ids, query, k)
    return lists


def shown(ids: np.ndarray, query: Query, k: int) -> np.ndarray:
    """Cut a ranking to its first k that may be listed."""
    if not len(query.hidden):
        return ids[:k]
    return without(Ranked(ids, np.zeros(len(ids), np.float32)), query.hidden, k).ids


def slates_of(
    asked: Asked, event: Event, query: Query, knowledge: Knowledge, rules: SlateRules
) -> dict[str, np.ndarray]:
    """Decide slates as the worker would, for the home page or the cart: rows, reserves included.

    One as it is and one that keeps no rank for cold products. In a basket, what was bought before may come again.
    """
    placement = _placement("cart" if query.table == "cart" else "home")
    context = asked.context if query.table == "next click" else replace(asked.context, purchased=())
    candidates = score(asked.found, context, knowledge)
    at = from_epoch_ms(context.at_ms)
    anchors = placement.anchors(event.model_copy(update={"name": "add_to_cart"}), context.cart)
    found = {}
    for name, shelf in ((SLATE, placement), (UNRESERVED, replace(placement, reserves_cold=None))):
        decision = decide(Request(event.event_id, shelf, context, anchors, at), candidates, knowledge, rules)
        found[name] = knowledge.facts.rows_of([item["product_id"] for item in decision.items])
    return found


def _placement(name: str) -> Placement:
    return next(placement for placement in PLACEMENTS if placement.name == name)
