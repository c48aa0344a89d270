"""What everything else needs to know of a visitor, derived from the state when it is needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

from models.engagement import recency, step_weight
from models.referrer import landed
from models.session_rules import SessionRules
from models.visitor import Entry, Profile, Seen, Session, Visitor
from schemas.events import Event, Landing
from schemas.learning import StepKind
from schemas.record import epoch_ms

Stage = Literal["landing", "browsing", "comparing", "buying"]

VISITED: frozenset[StepKind] = frozenset({"view", "click", "cart", "purchase"})


@dataclass(frozen=True)
class Context:
    """A visitor at one moment.

    Args:
        visitor_id: the serving key.
        user_id: who it is, where known.
        session_id: None where no state is kept.
        at_ms: the moment, event time.
        consent: False: nothing is known but what this event says.
        steps: (product, kind weight x engagement x recency) of the session's last 20 steps, oldest first, with the
            negatives: removals, bounces, and the newest skips.
        views: distinct products of the steps that were visited, the one visited last at the end.
        cart: distinct products put in during this session and not taken out or bought.
        purchased: (product, time) from the profile, oldest first.
        shown: product -> (times seen on slates, last time, whether it was clicked).
        skipped: products passed over in this session for one below them.
        landing: where the visit came from.
        query: the session's last search.
        n_sessions: visits so far, this one included.
        n_events_in_session: events so far.
        stage: how far the visit has come.
        profile_items: (product, weight) from carts and purchases of all sessions, oldest first.
    """

    visitor_id: str
    user_id: str | None = None
    session_id: str | None = None
    at_ms: int = 0
    consent: bool = False
    steps: tuple[tuple[str, float], ...] = ()
    views: tuple[str, ...] = ()
    cart: tuple[str, ...] = ()
    purchased: tuple[tuple[str, int], ...] = ()
    shown: Mapping[str, tuple[int, int, bool]] = field(default_factory=lambda: MappingProxyType({}))
    skipped: frozenset[str] = frozenset()
    landing: Landing | None = None
    query: str | None = None
    n_sessions: int = 0
    n_events_in_session: int = 0
    stage: Stage = "landing"
    profile_items: tuple[tuple[str, float], ...] = ()


class Moment(NamedTuple):
    """A visitor's state just before or after an event; contexts come from it."""

    user_id: str | None
    at_ms: int
    session: Session
    shown: tuple[Seen, ...]
    profile: Profile


def moment_of(visitor: Visitor, session: Session, at_ms: int) -> Moment:
    """Hold on to a visitor as they are in a session at a time."""
    return Moment(visitor.user_id, at_ms, session, visitor.shown, visitor.profile)


def context_of(visitor_id: str, moment: Moment, rules: SessionRules) -> Context:
    """Derive a visitor's context at a moment."""
    session, profile = moment.session, moment.profile
    views = visited(session)
    cart = cart_of(session, profile)
    return Context(
        visitor_id=visitor_id,
        user_id=moment.user_id,
        session_id=session.session_id,
        at_ms=moment.at_ms,
        consent=True,
        steps=weighted_steps(session, moment.shown, rules),
        views=views,
        cart=cart,
        purchased=tuple((entry.product_id, entry.at_ms) for entry in profile.entries if entry.kind == "purchase"),
        shown={seen.product_id: (seen.times, seen.last_ms, seen.clicked) for seen in moment.shown},
        skipped=frozenset(seen.product_id for seen in moment.shown if seen.skipped),
        landing=session.landing,
        query=session.query,
        n_sessions=profile.sessions,
        n_events_in_session=session.events,
        stage=_stage(session, views, cart),
        profile_items=_profile_items(profile.entries, rules),
    )


def bare_context(event: Event) -> Context:
    """Give the context of a visitor of whom nothing is kept: this event's own landing and search."""
    return Context(event.visitor_id, at_ms=epoch_ms(event.at), landing=landed(None, event), query=event.query)


def weighted_steps(session: Session, shown: tuple[Seen, ...], rules: SessionRules) -> tuple[tuple[str, float], ...]:
    """Weigh the session's steps, oldest first; a skip stands before the click it lost to."""
    first = session.total - len(session.steps) + 1
    weights: list[tuple[float, str, float]] = [
        (place, step.product_id, step_weight(step, rules)) for place, step in enumerate(session.steps, first)
    ]
    skips = sorted((seen for seen in shown if seen.skipped >= first), key=lambda seen: (seen.skipped, seen.rank))
    if skips and rules.skips:
        lost = [(seen.skipped - 0.5, seen.product_id, rules.skipped) for seen in skips[-rules.skips :]]
        weights = sorted(lost + weights, key=lambda row: row[0])
    half_life = rules.half_life_steps
    return tuple(
        (product_id, weight * recency(session.total - int(place + 0.5), half_life))
        for place, product_id, weight in weights
    )


def learned_context(session: Session, rules: SessionRules, limit: int) -> list[tuple[str, float]]:
    """Give the last distinct visited products with their weights, oldest first: what counts are learned against.

    Skips and removals are no visits, so they are not in it.
    """
    found: dict[str, float] = {}
    for age, step in enumerate(reversed(session.steps)):
        if step.kind in VISITED and step.product_id not in found:
            found[step.product_id] = round(step_weight(step, rules) * recency(age, rules.half_life_steps), 4)
            if len(found) == limit:
                break
    return list(reversed(found.items()))


def visited(session: Session) -> tuple[str, ...]:
    """Give distinct visited products, the one visited last at the end."""
    newest_first = dict.fromkeys(step.product_id for step in reversed(session.steps) if step.kind in VISITED)
    return tuple(reversed(newest_first))


def cart_of(session: Session, profile: Profile) -> tuple[str, ...]:
    """Give the products in the cart, in the order they were put there."""
    start_ms = session.start_ms
    return tuple([one.product_id for one in profile.entries if one.kind == "cart" and one.at_ms >= start_ms])


def _stage(session: Session, views: tuple[str, ...], cart: tuple[str, ...]) -> Stage:
    if cart or (session.steps and session.steps[-1].kind == "purchase"):
        return "buying"
    if not views:
        return "landing"
    looks = sum(step.kind in VISITED for step in session.steps)
    # Coming back to a product, or looking at a fourth one, is holding products against each other.
    return "comparing" if looks > len(views) or len(views) > 3 else "browsing"


def _profile_items(entries: tuple[Entry, ...], rules: SessionRules) -> tuple[tuple[str, float], ...]:
    newest = len(entries) - 1
    return tuple(
        (entry.product_id, rules.kind_weights[entry.kind] * recency(newest - place, rules.half_life_steps))
        for place, entry in enumerate(entries)
    )
