"""The engine without its logs: visitors, candidates and learning, as the clicks agent has them, event by event."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from models.blend import Blend, Described
from models.features import judged_candidates, raw_scores
from models.judgements import Judged
from models.knowledge import Knowledge
from models.retrieval import Found, retrieve
from models.session import Applied, Context, SessionRules, Visitor, apply, decode_visitor, encode
from models.training import example, learnable, told_with
from schemas.events import Event
from schemas.learning import Origin, TrainingRow
from schemas.topics import EVENTS
from streams.evaluation.visits import Happening

AWAKE = 5_000
"""Visitors held as they are; the others are held as bytes, which is a tenth of it."""

MOST_VISITORS = 500_000
"""Beyond, those not seen for longest are forgotten, as a profile that has ended is."""


class Asked(NamedTuple):
    """What the engine has to say just before an event.

    `described` holds the candidates, and the awaited products among them or behind them; `offered` is how many of its
    rows a source had; `judged` what a language model's judgements make of them.
    """

    context: Context
    found: Found
    described: Described
    offered: int
    judged: Judged


class Shop:
    """Runs events through the session context and the model.

    Args:
        knowledge: catalogue and model.
        rules: of the session context.
    """

    def __init__(self, knowledge: Knowledge, rules: SessionRules) -> None:
        self.knowledge = knowledge
        self.rules = rules
        self.visitors = Visitors()
        self._offset = 0

    def turn(self, one: Happening) -> Applied:
        """Apply an event to its visitor, nothing learned yet."""
        event, visit = one
        before = self.visitors.get(event.visitor_id, visit)
        origin = Origin.model_construct(topic=EVENTS, partition=0, offset=self._offset, epoch=0)
        self._offset += 1
        item_of = self.knowledge.catalogue.item_of
        applied = apply(before, event, origin=origin, item_of=item_of, rules=self.rules)
        if applied.changed:
            self.visitors.put(event.visitor_id, applied.visitor, visit)
        return applied

    def ask(self, applied: Applied, awaited: int = -1, context: Context | None = None) -> Asked:
        """Find and describe the candidates just before an event; of the event itself only where it comes from counts.

        Args:
            applied: the event's.
            awaited: a row of the fact table to describe beside the candidates.
            context: what is known of the visitor; by default what was known just before the event.
        """
        event = applied.event
        context = context or applied.context_before
        if not context.views and context.landing is None:
            context = replace(context, landing=event.context)
        return self.look(context, retrieve(context, blank(event), self.knowledge).found, awaited)

    def look(self, context: Context, found: Found, awaited: int = -1) -> Asked:
        """Describe candidates that were found already.

        Args:
            context: what is known of the visitor.
            found: rows of the fact table by source.
            awaited: a row to describe beside them.
        """
        described, judged = judged_candidates(learnable(found), context, self.knowledge, also=awaited)
        known = not len(described.ids) or described.ids[-1] != awaited or described.shares[:, -1].any()
        return Asked(context, found, described, len(described.ids) - (not known), judged)

    def learn(
        self, applied: Applied, asked: Asked | None = None, chosen: Sequence[int] = (), awaited: int = -1
    ) -> None:
        """Learn what an event teaches.

        Args:
            applied: the event's.
            asked: the candidates before it, for a training row.
            chosen: rows that were chosen; none is a negative.
            awaited: the one of them the training row is about.
        """
        step = applied.step
        if step is None:
            return
        model = self.knowledge.model
        row = asked and row_of(asked, chosen, awaited, model.blend, event_id=applied.event.event_id)
        more = {"row": row, **told_with(step, applied, self.knowledge)}
        model.learn_one(step.model_copy(update=more), model.offset + 1)


class Visitors:
    """The states of visitors, the latest ones decoded."""

    def __init__(self) -> None:
        self._awake: OrderedDict[str, tuple[Visitor, str | None]] = OrderedDict()
        self._asleep: OrderedDict[str, tuple[bytes, str | None]] = OrderedDict()

    def get(self, visitor_id: str, visit: str | None) -> Visitor | None:
        """Give a visitor's state; a visit that the log names anew begins without the session before it."""
        known = self._awake.get(visitor_id)
        if known is None:
            packed = self._asleep.pop(visitor_id, None)
            if packed is None:
                return None
            known = (decode_visitor(packed[0]), packed[1])
        visitor, before = known
        return visitor if before == visit else replace(visitor, session=None)

    def put(self, visitor_id: str, visitor: Visitor | None, visit: str | None) -> None:
        """Keep a visitor's state, or none."""
        self._awake.pop(visitor_id, None)
        if visitor is None:
            return
        self._awake[visitor_id] = (visitor, visit)
        if len(self._awake) > AWAKE:
            oldest, (state, last) = self._awake.popitem(last=False)
            self._asleep[oldest] = (encode(state), last)
            if len(self._asleep) > MOST_VISITORS:
                self._asleep.popitem(last=False)

    def copied(self) -> "Visitors":
        """Give a copy that goes its own way; states never change."""
        other = Visitors()
        other._awake, other._asleep = self._awake.copy(), self._asleep.copy()
        return other


def blank(event: Event) -> Event:
    """Give an event that tells its time and nothing else."""
    return event.model_copy(update={"name": "page_view", "items": (), "query": None})


def row_of(asked: Asked, chosen: Sequence[int], awaited: int, blend: Blend, *, event_id: str) -> TrainingRow | None:
    """Write a blend's training row, None of somebody of whom nothing is known."""
    if not (asked.context.steps or asked.context.profile_items):
        return None
    return example(asked.described, awaited, chosen, blend, event_id=event_id)


def scored(asked: Asked, blend: Blend) -> np.ndarray:
    """Rank what the sources offer by a blend: rows of the fact table, best first."""
    raw = raw_scores(asked.described, asked.context, blend)[: asked.offered]
    return asked.described.ids[np.argsort(-np.round(raw, 6), kind="stable")]
