"""What is judged and decided before anybody asks: for a visitor as they stand, and for a key without a visitor."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from models.context import Context, context_of, moment_of
from models.exposure import forgiven
from models.facets import Facets
from models.intent import ANY, FINE_ROOM, JudgementKey
from models.key_forms import Intent, read_intent, read_segment
from models.knowledge import Knowledge
from models.session_rules import SessionRules
from models.visitor import Session, Visitor
from schemas.judgements import MAX_ASKED


def standing(visitor_id: str, visitor: Visitor, at_ms: int, rules: SessionRules) -> Context:
    """Derive a visitor's context at a moment without an event: a visit that has ended says nothing, the profile does.

    Args:
        visitor_id: the serving key.
        visitor: the state.
        at_ms: the moment, ms since 1970, at or after the visitor's last event.
        rules: constants.
    """
    session, shown = visitor.session, visitor.shown
    if session is None or at_ms - session.last_ms > rules.session_ms:
        session, shown = Session("", at_ms, at_ms), forgiven(visitor.shown)
    return context_of(visitor_id, moment_of(replace(visitor, shown=shown), session, at_ms), rules)


class Departments:
    """What can be bought at a moment by department, the most popular first, then the newest.

    Args:
        knowledge: catalogue and model.
        at: the moment.
    """

    def __init__(self, knowledge: Knowledge, at: datetime) -> None:
        newest = knowledge.catalogue.newest(at, len(knowledge.catalogue))
        self._found: defaultdict[str, list[tuple[Facets, str]]] = defaultdict(list)
        for place in np.argsort(-_popularity(newest, knowledge), kind="stable").tolist():
            facets = knowledge.facets.of(newest[place])
            if facets.department:
                self._found[facets.department].append((facets, knowledge.catalogue.item_of(newest[place])))

    def names(self) -> list[str]:
        """Name the departments, the largest first."""
        return sorted(self._found, key=lambda name: (-len(self._found[name]), name))

    def fitting(self, key: JudgementKey, *, limit: int = MAX_ASKED) -> list[str]:
        """List the items to judge for a key: what fits the intent, then the rest of its department.

        The rest is what candidates of such visits also are, and gives the scores something to be higher than.

        Args:
            key: the segment and intent; of an intent without a department, the segment's is meant.
            limit: at most this many.

        Raises:
            RefusedError: segment or intent has another form.
        """
        intent = read_intent(key.intent)
        department = read_segment(key.segment).department if intent.department == ANY else intent.department
        found = self._found.get(department, [])
        return [item for _, item in sorted(found, key=lambda one: _misfit(one[0], intent))][:limit]


class Votes:
    """What visitors of one key would be shown, counted: one table is to serve all of them."""

    def __init__(self) -> None:
        self._first: Counter[str] = Counter()
        self._also: Counter[str] = Counter()
        self._ranks: dict[str, int] = {}
        self.visitors = 0

    def add(self, items: Sequence[str], *, of: int) -> None:
        """Take a visitor's best candidates, best first; the first `of` say whether the visitor's slates are judged."""
        self.visitors += 1
        self._first.update(items[:of])
        self._also.update(items[of:])
        for rank, item in enumerate(items):
            self._ranks[item] = min(rank, self._ranks.get(item, rank))

    def wanted(self) -> list[str]:
        """List what to judge: everybody's first ones, up to a full table; of the others so many as one slate asks for.

        Most votes first, then the best rank, then by item.
        """
        first = self._in_order(self._first)[:FINE_ROOM]
        also = [item for item in self._in_order(self._also) if item not in self._first]
        return first + also[: max(0, MAX_ASKED - len(first))]

    def _in_order(self, votes: Counter[str]) -> list[str]:
        return sorted(votes, key=lambda item: (-votes[item], self._ranks[item], item))


def _popularity(products: Sequence[str], knowledge: Knowledge) -> np.ndarray:
    """Give the recent popularity of products: float32, shape (n,), 0 for what the model does not know."""
    numbers = knowledge.crosswalk.numbers(knowledge.facts.rows_of(products))
    weights = np.zeros(len(numbers), np.float32)
    weights[numbers >= 0] = knowledge.model.trending.weights_of(numbers[numbers >= 0])
    return weights


def _misfit(facets: Facets, intent: Intent) -> int:
    """Count what of an intent a product does not fit; what the intent does not say is fitted by all."""
    return (intent.whom not in {ANY, facets.whom}) + (intent.tier not in {ANY, facets.tier})
