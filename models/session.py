"""What one event does to a visitor: pure, lazy in expiry, the same whatever the batch."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from models.context import Context, context_of, contextual
from models.engagement import HOUR_MS, MINUTE_MS, SessionRules
from models.steps import Change, change, learned
from models.visitor import (
    MAX_RECENT,
    Profile,
    Rate,
    Session,
    Visitor,
    applied_of,
    decode_visitor,
    encode,
    event_hash,
    fit,
)
from schemas.events import Event
from schemas.learning import LearningStep, Origin
from schemas.record import epoch_ms

__all__ = [
    "Applied", "Context", "SessionRules", "Visitor", "applied_of", "apply", "decode_visitor", "encode",
]  # fmt: skip

Note = Literal["ok", "duplicate", "late", "bot", "throttled", "replayed", "no_consent"]

MAX_CONTEXT = 10
TRIGGERS = {"page_view", "view_item", "search", "add_to_cart", "remove_from_cart", "purchase"}


@dataclass(frozen=True)
class Applied:
    """What an event came to.

    Args:
        visitor: the state to keep, None for none.
        changed: the state must go to the changelog (None: as a tombstone).
        step: what the model learns.
        context_before: what was known before the event; does not depend on the event's time.
        context: what slates are decided from.
        triggers: slates may be decided.
        note: what became of the event.
    """

    visitor: Visitor | None
    changed: bool
    step: LearningStep | None
    context_before: Context
    context: Context
    triggers: bool
    note: Note


def apply(
    visitor: Visitor | None,
    event: Event,
    *,
    origin: Origin,
    item_of: Callable[[str], str],
    rules: SessionRules,
    throttle: bool = True,
) -> Applied:
    """Apply one event to a visitor's state.

    Args:
        visitor: the state before, None for a new visitor.
        event: the event, already held against its arrival.
        origin: its place in the source; offsets at or below `visitor.applied` change nothing.
        item_of: names a product for learning (its group); the state keeps products as they came.
        rules: constants.
        throttle: False for imported history, whose many events a minute are no bot's.
    """
    if visitor is not None and origin.offset <= visitor.applied:
        return _unmoved(visitor, visitor, event, rules, "replayed")
    if event.name == "forget":
        return _forgotten(event, origin)
    if event.consent != "personalisation":
        context = contextual(event)
        return Applied(visitor, False, None, context, context, triggers=True, note="no_consent")
    seen = event_hash(event.event_id)
    if visitor is not None and seen in visitor.recent:
        return _unmoved(replace(visitor, applied=origin.offset), visitor, event, rules, "duplicate")
    at_ms = epoch_ms(event.at)
    current = _current(visitor, event, at_ms, rules)
    current = replace(current, applied=origin.offset, recent=(*current.recent, seen)[-MAX_RECENT:])
    # The last event's time, not this one's: what is predicted must not depend on when the target came.
    before = context_of(current, event.visitor_id, at_ms=current.session.last_ms, rules=rules)
    late = at_ms < current.session.last_ms and event.name != "page_ping"
    done = Change(current, *learned(event, rules)) if late else change(current, event, at_ms, rules)
    rate = current.rate if late else _rated(current.rate, event, at_ms)
    after = fit(replace(done.visitor, rate=rate))
    bot = _is_bot(rate, event, rules)
    throttled = throttle and rate.minute_triggers > rules.triggers_per_minute
    note: Note = "late" if late else "throttled" if throttled else "bot" if bot else "ok"
    return Applied(
        visitor=after,
        changed=True,
        step=None if bot else _step(event, origin, current, done, item_of),
        context_before=before,
        context=context_of(after, event.visitor_id, at_ms=after.session.last_ms, rules=rules),
        triggers=not (late or throttled),
        note=note,
    )


def _unmoved(kept: Visitor, before: Visitor, event: Event, rules: SessionRules, note: Note) -> Applied:
    context = context_of(before, event.visitor_id, at_ms=before.session.last_ms, rules=rules)
    return Applied(kept, kept is not before, None, context, context, triggers=False, note=note)


def _forgotten(event: Event, origin: Origin) -> Applied:
    context = contextual(event)
    step = LearningStep(origin=origin, at=event.at, visitor_id=event.visitor_id, user_id=event.user_id, kind="forget")
    return Applied(None, True, step, context, context, triggers=False, note="ok")


def _current(visitor: Visitor | None, event: Event, at_ms: int, rules: SessionRules) -> Visitor:
    """Give the state the event meets: what has ended by the event's own time is gone."""
    user = event.user_id or ""
    if (
        visitor is None
        or at_ms - visitor.session.last_ms > rules.profile_ms
        or (user and visitor.user_id and user != visitor.user_id)
    ):
        recent = visitor.recent if visitor else ()
        fresh = Profile(first_ms=at_ms, sessions=1)
        return Visitor(-1, _session(event, at_ms), fresh, user_id=user, recent=recent)
    if at_ms - visitor.session.last_ms > rules.session_ms:
        profile = replace(visitor.profile, sessions=visitor.profile.sessions + 1)
        visitor = replace(visitor, session=_session(event, at_ms), profile=profile)
    return replace(visitor, user_id=user) if user and not visitor.user_id else visitor


def _session(event: Event, at_ms: int) -> Session:
    landing = event.context.model_dump(exclude_none=True) if event.context else {}
    return Session(
        session_id=f"{event_hash(event.visitor_id):x}.{at_ms}", started_ms=at_ms, last_ms=at_ms, landing=landing
    )


def _rated(rate: Rate, event: Event, at_ms: int) -> Rate:
    """Count the event into its hour and minute."""
    hour, minute = at_ms // HOUR_MS, at_ms // MINUTE_MS
    view = event.name in {"view_item", "select_item"}
    return Rate(
        hour=hour,
        hour_views=(rate.hour_views if hour == rate.hour else 0) + view,
        minute=minute,
        minute_views=(rate.minute_views if minute == rate.minute else 0) + view,
        minute_triggers=(rate.minute_triggers if minute == rate.minute else 0) + (event.name in TRIGGERS),
    )


def _is_bot(rate: Rate, event: Event, rules: SessionRules) -> bool:
    declared = event.context is not None and (event.context.device or "").lower() in {"bot", "crawler", "spider"}
    return declared or rate.hour_views > rules.bot_views_per_hour or rate.minute_views > rules.bot_views_per_minute


def _step(
    event: Event, origin: Origin, before: Visitor, done: Change, item_of: Callable[[str], str]
) -> LearningStep | None:
    """Write down what the model learns, with the context as it was before."""
    if done.kind is None:
        return None
    looked = [step.product_id for step in before.session.steps if step.kind != "remove"]
    context = dict.fromkeys(item_of(product_id) for product_id in reversed(looked))
    shown = event.shown
    return LearningStep(
        origin=origin,
        at=event.at,
        visitor_id=event.visitor_id,
        user_id=done.visitor.user_id or None,
        session=before.session.session_id,
        kind=done.kind,
        items=tuple((item_of(product_id), weight) for product_id, weight in done.items),
        context=tuple((item, 1.0) for item in reversed(list(context)[:MAX_CONTEXT])),
        cart=tuple(item_of(product_id) for product_id in before.profile.cart),
        slate_id=shown.slate_id if shown else None,
        placement=shown.placement if shown else None,
        rank=shown.rank if shown else None,
    )
