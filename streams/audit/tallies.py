"""What was shown and what was wanted, counted: the folds of slates and of events."""

from collections import Counter

import numpy as np

from models.exposure_audit import examination
from models.exposure_course import Course
from models.filter_bubble import Bubbles
from models.pairing import Pairing
from models.scoring import CLICKS
from schemas.events import Event, of_context
from schemas.record import epoch_ms
from schemas.slates import of_campaign
from streams.audit.shelf import Assortment
from streams.audit.shown import ShownSlate

KINDS = {**dict.fromkeys(CLICKS, "clicks"), "add_to_cart": "carts", "purchase": "purchases"}
"""What counts as demand, and as which kind of it."""

EXPLORED = 100_000
"""Exploration slots held, some 50 MB; of more a fair sample."""

_LOOKED_AT = examination(np.arange(1, 1001))


class Tallies:
    """First all slates are taken, then the events: those of another time than the slates are left out.

    Args:
        assortment: the catalogue.
        placement: only its slates count; None: all but those of campaigns, which nobody may ever open.

    Attributes:
        shown: times each item was shown, int64, shape (items,).
        examined: the same weighted by examination, float64.
        demand: touches of each item by kind, int64.
        bubbles: of what visitors were shown; `own` of what they clicked, put into carts and bought.
        exploration: what became of exploration slots, whenever they were clicked.
        unknown: shown products, and touches, that the catalogue does not hold.
        placements: slates by placement, before `placement` chooses.
        revised: revisions of slates, which are not counted beside their first one.
        campaigns: slates of campaigns that are not counted.
        contextual: slates of nobody in particular: decided once, and shown to whoever comes.
        outside: events with demand, before the first slate or after the last.
    """

    def __init__(self, assortment: Assortment, *, placement: str | None = None) -> None:
        self._assortment = assortment
        self._placement = placement
        categories = assortment.grouping("category")
        self._categories = [categories.known(item) for item in range(assortment.items)]
        self.shown = np.zeros(assortment.items, np.int64)
        self.examined = np.zeros(assortment.items, np.float64)
        self.demand = {kind: np.zeros(assortment.items, np.int64) for kind in ("clicks", "carts", "purchases")}
        self.course = Course(assortment.items)
        self.bubbles, self.own = Bubbles(), Bubbles()
        self.exploration = Pairing(EXPLORED)
        self.slates = self.events = self.revised = self.campaigns = self.contextual = self.outside = 0
        self.unknown = Counter[str]()
        self.placements = Counter[str]()
        self.period: tuple[int, int] | None = None

    @property
    def wanted(self) -> np.ndarray:
        """Give the touches of each item, int64, shape (items,)."""
        return np.sum(list(self.demand.values()), axis=0)

    def slate(self, slate: ShownSlate) -> None:
        """Take a slate."""
        if of_context(slate.visitor_id):
            self.contextual += 1
            return
        if not slate.revision:
            self.placements[slate.placement] += 1
        if self._placement not in {None, slate.placement}:
            return
        if self._placement is None and of_campaign(slate.slate_id):
            self.campaigns += 1
            return
        if slate.revision:
            self.revised += 1
            return
        self.slates += 1
        self.exploration.show(slate)
        at_ms = epoch_ms(slate.event_at)
        first, last = self.period or (at_ms, at_ms)
        self.period = min(first, at_ms), max(last, at_ms)
        numbers = self._assortment.numbers
        found = [(numbers[one.product_id], one.rank) for one in slate.shown if one.product_id in numbers]
        self.unknown["shown"] += len(slate.shown) - len(found)
        if not found:
            return
        items, ranks = np.array(found, np.int64).T
        np.add.at(self.shown, items, 1)
        np.add.at(self.examined, items, _LOOKED_AT[ranks - 1])
        self.course.take("shown", at_ms, items)
        self.bubbles.take(slate.visitor_id, slate.placement, self._known(items))

    def event(self, event: Event) -> None:
        """Take an event."""
        if of_context(event.visitor_id):
            return
        self.events += 1
        self.exploration.see(event)
        kind = KINDS.get(event.name)
        if kind is None:
            return
        at_ms = epoch_ms(event.at)
        if self.period is None or not self.period[0] <= at_ms <= self.period[1]:
            self.outside += 1
            return
        numbers = self._assortment.numbers
        items = {numbers[one.product_id] for one in event.items if one.product_id in numbers}
        self.unknown["wanted"] += sum(one.product_id not in numbers for one in event.items)
        touched = np.array(sorted(items), np.int64)
        np.add.at(self.demand[kind], touched, 1)
        self.course.take("demand", at_ms, touched)
        self.own.take(event.visitor_id, "", self._known(touched))

    def _known(self, items: np.ndarray) -> list[int]:
        return [group for item in items.tolist() if (group := self._categories[item]) >= 0]
