"""What a slate may know of its visitor: derived from state when needed, so that it cannot go stale."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.engagement import SessionRules, weights
from models.visitor import Visitor
from schemas.events import Event, Landing
from schemas.record import epoch_ms

Stage = Literal["landing", "browsing", "comparing", "buying"]


@dataclass(frozen=True, slots=True)
class Context:
    """A visitor at one moment.

    Args:
        steps: (product, weight), oldest first, bounces and skips negative.
        views: distinct products looked at in this session, oldest first.
        cart: products in the cart, oldest first.
        purchased: (product, time in ms) of the profile, oldest first.
        shown: per product really seen: times, last time in ms, whether clicked.
        profile_items: (product, weight) of long-term interest, from carts and purchases.
    """

    visitor_id: str
    user_id: str | None
    session_id: str | None
    at_ms: int
    consent: bool
    steps: tuple[tuple[str, float], ...] = ()
    views: tuple[str, ...] = ()
    cart: tuple[str, ...] = ()
    purchased: tuple[tuple[str, int], ...] = ()
    shown: Mapping[str, tuple[int, int, bool]] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    landing: Landing | None = None
    query: str | None = None
    n_sessions: int = 0
    n_events_in_session: int = 0
    stage: Stage = "landing"
    profile_items: tuple[tuple[str, float], ...] = ()


def contextual(event: Event) -> Context:
    """Give the context of a visitor nothing is kept of: this event alone."""
    return Context(
        visitor_id=event.visitor_id,
        user_id=None,
        session_id=None,
        at_ms=epoch_ms(event.at),
        consent=False,
        landing=event.context,
        query=event.query,
    )


def context_of(visitor: Visitor, visitor_id: str, *, at_ms: int, rules: SessionRules) -> Context:
    """Derive the context of a visitor from its state."""
    session, profile = visitor.session, visitor.profile
    views = dict.fromkeys(step.product_id for step in session.steps if step.kind != "remove")
    return Context(
        visitor_id=visitor_id,
        user_id=visitor.user_id or None,
        session_id=session.session_id,
        at_ms=at_ms,
        consent=True,
        steps=weights(session, rules),
        views=tuple(views),
        cart=profile.cart,
        purchased=tuple((basket.product_id, basket.at_ms) for basket in profile.baskets if basket.kind == "purchase"),
        shown={one.product_id: (one.times, one.last_ms, bool(one.clicked)) for one in visitor.shown},
        skipped=frozenset(session.skipped),
        landing=Landing.model_construct(**session.landing) if session.landing else None,
        query=session.query or None,
        n_sessions=profile.sessions,
        n_events_in_session=session.events,
        stage=_stage(visitor),
        profile_items=tuple((basket.product_id, rules.kind_weight[basket.kind]) for basket in profile.baskets),
    )


def _stage(visitor: Visitor) -> Stage:
    """Tell how far the visit is: a cart means buying, coming back to products means comparing."""
    steps = visitor.session.steps
    if visitor.profile.cart:
        return "buying"
    views = [step.product_id for step in steps if step.kind in {"view", "click"}]
    if len(views) > len(set(views)):
        return "comparing"
    return "browsing" if len(views) > 1 else "landing"
