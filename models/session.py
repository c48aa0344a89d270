"""The session context: one event applied to one visitor's state.

A pure function of the two: no clock but the event's, nothing of the model, the catalogue or what was emitted. What is
learned from an event is decided here too, from what had arrived before it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from models.applied import Applied, Note
from models.context import Context, moment_of
from models.lesson import forget_step
from models.session_rules import SessionRules
from models.turn import Turn
from models.visitor import Profile, Rates, Session, Visitor
from models.visitor_codec import applied_of, clock_of, decode_visitor, encode, starts_as_visitor
from schemas.events import Event
from schemas.learning import Origin
from schemas.record import epoch_ms

__all__ = [
    "Applied", "Context", "SessionRules", "Visitor", "applied_of", "apply", "clock_of", "decode_visitor", "encode",
    "ended", "starts_as_visitor",
]  # fmt: skip

HASH_BYTES = 8


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
        return _unchanged(visitor, event, rules, note="replayed", changed=False)
    if event.name == "forget":
        step = forget_step(event, origin, visitor.user_id if visitor else None)
        return Applied(None, visitor is not None, step, triggers=False, note="ok", event=event, rules=rules)
    if event.consent != "personalisation":
        return Applied(visitor, changed=False, step=None, triggers=True, note="ok", event=event, rules=rules)
    at_ms = epoch_ms(event.at)
    if visitor and ended(visitor.clock_ms, at_ms, rules):
        visitor = None
    digest = hashlib.blake2b(event.event_id.encode(), digest_size=HASH_BYTES).digest()
    if visitor and _holds(visitor.seen, digest):
        return _unchanged(replace(visitor, applied=origin.offset), event, rules, note="duplicate", changed=True)
    visitor = visitor or Visitor(-1, at_ms, None, None, (), Profile(at_ms), Rates(), b"")
    seen = (visitor.seen + digest)[-HASH_BYTES * rules.seen :]
    turn = Turn(visitor, event, at_ms, origin, item_of, rules, seen)
    late = visitor.session is not None and at_ms < visitor.session.last_ms
    return turn.late() if late else turn.in_order()


def ended(clock_ms: int, now_ms: int, rules: SessionRules) -> bool:
    """Say whether the profile of a visitor last seen at `clock_ms` has expired: an event now starts from nothing."""
    return now_ms - clock_ms > rules.profile_ms


def _unchanged(visitor: Visitor, event: Event, rules: SessionRules, *, note: Note, changed: bool) -> Applied:
    session = visitor.session or Session("", visitor.clock_ms, visitor.clock_ms)
    now = moment_of(visitor, session, visitor.clock_ms)
    return Applied(visitor, changed, None, False, note, event, rules, now, now)


def _holds(seen: bytes, digest: bytes) -> bool:
    """Look a hash up among those kept; a hit across two of them is none."""
    at = seen.find(digest)
    while at % HASH_BYTES and at >= 0:
        at = seen.find(digest, at + 1)
    return at >= 0
