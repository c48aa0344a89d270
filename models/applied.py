"""What one event came to for one visitor."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from models.context import Context, Moment, bare_context, context_of
from models.session_rules import SessionRules
from models.visitor import Visitor
from schemas.events import Event
from schemas.learning import LearningStep

Note = Literal["ok", "duplicate", "late", "bot", "throttled", "replayed"]


@dataclass(frozen=True)
class Applied:
    """What an event came to.

    Args:
        visitor: the state after it; None where none is kept.
        changed: the state must be written (None: a tombstone).
        step: what is to be learned, without training row.
        triggers: slates may be decided.
        note: why something was left out, or ok.
        event: the event.
        rules: constants the contexts are derived with.
        before: the visitor just before the event, None where nothing is known or may be.
        after: the same just after.
    """

    visitor: Visitor | None
    changed: bool
    step: LearningStep | None
    triggers: bool
    note: Note
    event: Event
    rules: SessionRules
    before: Moment | None = None
    after: Moment | None = None

    @cached_property
    def context_before(self) -> Context:
        """What a training row is computed from: nothing in it comes from the event."""
        return context_of(self.event.visitor_id, self.before, self.rules) if self.before else bare_context(self.event)

    @cached_property
    def context(self) -> Context:
        """What slates are decided from."""
        return context_of(self.event.visitor_id, self.after, self.rules) if self.after else bare_context(self.event)
