"""The session context: one event applied to one visitor's state.

A pure function of the two: no clock but the event's, nothing of the model, the catalogue or what was emitted. What is
learned from an event is decided here too, from what had arrived before it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from models.context import Context, Moment, bare_context, context_of
from models.exposure import clicked, forgiven, seen_more
from models.lesson import forget_step, learning_step
from models.profile import traded
from models.rates import counted, is_bot, is_throttled
from models.session_rules import SessionRules
from models.visit import KIND_OF, arrives, moved, pinged
from models.visitor import Profile, Rates, Session, Visitor
from models.visitor_codec import applied_of, decode_visitor, encode
from models.visitor_size import bounded
from schemas.events import Event
from schemas.learning import LearningStep, Origin
from schemas.record import epoch_ms

__all__ = [
    "Applied", "Context", "SessionRules", "Visitor", "applied_of", "apply", "decode_visitor", "encode", "ended",
]  # fmt: skip

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


def apply(
    visitor: Visitor | None, event: Event, *, origin: Origin, item_of: Callable[[str], str], rules: SessionRules
) -> Applied:
    """Apply one event to a visitor.

    Args:
        visitor: the state so far, None for somebody new.
        event: decoded and validated.
        origin: where the event stands in `clickstream.events`; offsets up to `visitor.applied` change nothing.
        item_of: product id -> item (group), for what is learned only; the state keeps product ids.
        rules: constants.

    Returns:
        the state after the event, what is learned from it, and the contexts before and after.
    """
    if visitor and origin.offset <= visitor.applied:
        return _unchanged(visitor, event, rules, note="replayed", triggers=False)
    if event.name == "forget":
        step = forget_step(event, origin, visitor.user_id if visitor else None)
        return Applied(None, visitor is not None, step, triggers=False, note="ok", event=event, rules=rules)
    if event.consent != "personalisation":
        return Applied(visitor, changed=False, step=None, triggers=True, note="ok", event=event, rules=rules)
    if visitor and ended(visitor, epoch_ms(event.at), rules):
        visitor = None
    digest = hashlib.blake2b(event.event_id.encode(), digest_size=8).digest()
    if visitor and _holds(visitor.seen, digest):
        again = replace(visitor, applied=origin.offset)
        return _unchanged(again, event, rules, note="duplicate", triggers=False, changed=True)
    at_ms = epoch_ms(event.at)
    visitor = visitor or Visitor(-1, at_ms, None, None, (), Profile(at_ms), Rates(), b"")
    visitor = replace(visitor, applied=origin.offset, seen=(visitor.seen + digest)[-8 * rules.seen :])
    if visitor.session and at_ms < visitor.session.last_ms:
        return _late(visitor, visitor.session, event, at_ms, origin, item_of, rules)
    return _in_order(visitor, event, at_ms, origin, item_of, rules)


def ended(visitor: Visitor, now_ms: int, rules: SessionRules) -> bool:
    """Say whether a visitor's profile has expired: an event at this time starts from nothing, so it may be freed."""
    return now_ms - visitor.clock_ms > rules.profile_ms


def _in_order(
    visitor: Visitor, event: Event, at_ms: int, origin: Origin, item_of: Callable[[str], str], rules: SessionRules
) -> Applied:
    visitor, session = _rolled(visitor, event, at_ms, rules)
    # A visit's next event tells nothing of its own time here: the moment before is that of the last event.
    before = _moment(visitor, session, session.last_ms)
    arrival = arrives(session, event, at_ms, rules)
    session = moved(session, event, at_ms, rules)
    rates = counted(visitor.rates, event, at_ms, rules, again=arrival)
    visitor = bounded(replace(_traced(visitor, session, event, at_ms, rules), clock_ms=at_ms, rates=rates), rules)
    bot = is_bot(rates, event, at_ms, rules)
    step = None if arrival or bot else learning_step(event, before, origin, item_of, rules)
    after = _moment(visitor, visitor.session or session, at_ms)
    throttled = event.name in rules.triggers and is_throttled(rates, rules)
    note: Note = "throttled" if throttled else "bot" if bot else "ok"
    return Applied(visitor, True, step, not throttled, note, event, rules, before, after)


def _late(
    visitor: Visitor,
    session: Session,
    event: Event,
    at_ms: int,
    origin: Origin,
    item_of: Callable[[str], str],
    rules: SessionRules,
) -> Applied:
    """Learn from an event that comes after newer ones, without moving the session."""
    rates = counted(visitor.rates, event, visitor.clock_ms, rules)
    same_user = event.user_id is None or visitor.user_id in {None, event.user_id}
    known = session._replace(steps=tuple(step for step in session.steps if step.at_ms <= at_ms))
    if at_ms < session.start_ms or not same_user:
        known = session._replace(session_id="", steps=())
    before = _moment(visitor, known, session.last_ms)._replace(user_id=event.user_id or visitor.user_id)
    if event.name == "page_ping":
        session = pinged(session, event, at_ms, rules)
    if same_user:
        visitor = _traced(visitor, session, event, at_ms, rules)
    visitor = bounded(replace(visitor, session=session, rates=rates), rules)
    bot = is_bot(rates, event, visitor.clock_ms, rules)
    step = (
        None
        if bot or _opened_since(session, event, at_ms, rules)
        else learning_step(event, before, origin, item_of, rules)
    )
    after = _moment(visitor, session, session.last_ms)
    return Applied(visitor, True, step, False, "bot" if bot else "late", event, rules, before, after)


def _opened_since(session: Session, event: Event, at_ms: int, rules: SessionRules) -> bool:
    """Say whether a late click is one whose page was learned already: both are one visit."""
    products = {item.product_id for item in event.items}
    return event.name == "select_item" and any(
        step.product_id in products and 0 <= step.at_ms - at_ms <= rules.arrival_ms for step in session.steps
    )


def _rolled(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> tuple[Visitor, Session]:
    """Settle who the visitor is and which visit this is."""
    session = visitor.session
    if event.user_id is not None and event.user_id != visitor.user_id:
        if visitor.user_id is not None:
            visitor = replace(visitor, shown=(), profile=Profile(at_ms))
            session = None
        visitor = replace(visitor, user_id=event.user_id)
    if session is None or at_ms - session.last_ms > rules.session_ms:
        name = f"{event.visitor_id}\0{event.event_id}".encode()
        session = Session(hashlib.blake2b(name, digest_size=8).hexdigest(), at_ms, at_ms)
        profile = visitor.profile._replace(sessions=visitor.profile.sessions + 1)
        visitor = replace(visitor, shown=forgiven(visitor.shown), profile=profile)
    return visitor, session


def _traced(visitor: Visitor, session: Session, event: Event, at_ms: int, rules: SessionRules) -> Visitor:
    """Write down what an event tells beside its place in the session."""
    shown = visitor.shown
    if event.name == "impression":
        shown = seen_more(shown, event, at_ms, rules)
    elif event.name in KIND_OF and event.name != "remove_from_cart":
        shown = clicked(shown, event, session.total)
    return replace(visitor, session=session, shown=shown, profile=traded(visitor.profile, event, at_ms, rules))


def _moment(visitor: Visitor, session: Session, at_ms: int) -> Moment:
    return Moment(visitor.user_id, at_ms, session, visitor.shown, visitor.profile)


def _unchanged(
    visitor: Visitor, event: Event, rules: SessionRules, *, note: Note, triggers: bool, changed: bool = False
) -> Applied:
    session = visitor.session or Session("", visitor.clock_ms, visitor.clock_ms)
    now = _moment(visitor, session, visitor.clock_ms)
    return Applied(visitor, changed, None, triggers, note, event, rules, now, now)


def _holds(seen: bytes, digest: bytes) -> bool:
    """Look a hash up among those kept; a hit across two of them is none."""
    at = seen.find(digest)
    while at % 8 and at >= 0:
        at = seen.find(digest, at + 1)
    return at >= 0
