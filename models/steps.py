"""What each kind of event does to the session: one small function a name."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from models.engagement import MINUTE_MS, SessionRules
from models.visitor import (
    MAX_BASKETS,
    MAX_CART,
    MAX_SEEN,
    MAX_SHOWN,
    MAX_SKIPPED,
    MAX_STEPS,
    Basket,
    Shown,
    Step,
    Visitor,
)
from schemas.events import Event
from schemas.learning import StepKind

HEARTBEATS = 63
"""Bits of a step's heartbeat mask; the dwell cap is reached long before."""


@dataclass(frozen=True)
class Change:
    """The state after, and what is learned: `kind` None for nothing; `items` are (product, kind weight)."""

    visitor: Visitor
    kind: StepKind | None = None
    items: tuple[tuple[str, float], ...] = ()


def change(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:
    """Move a session on by one event that is neither late nor a duplicate."""
    if event.name == "page_ping":
        return Change(_pinged(visitor, event, at_ms, rules))
    visitor = _arrived(visitor, event, at_ms)
    return _CHANGES.get(event.name, _touched)(visitor, event, at_ms, rules)


def learned(event: Event, rules: SessionRules) -> tuple[StepKind | None, tuple[tuple[str, float], ...]]:
    """Say what is learned from an event by itself, at its kind's weight; engagement never counts here."""
    kind = _KINDS.get(event.name)
    if kind == "view" and event.shown is not None:
        kind = "click"
    if kind is None or not (event.items or kind == "identify"):
        return None, ()
    weight = rules.kind_weight.get(kind, 0.0)
    return kind, tuple((product_id, weight) for product_id in _products(event))


_KINDS: dict[str, StepKind] = {
    "view_item": "view",
    "select_item": "click",
    "add_to_cart": "cart",
    "remove_from_cart": "remove",
    "purchase": "purchase",
    "refund": "refund",
    "impression": "impression",
    "identify": "identify",
}


def _products(event: Event) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.product_id for item in event.items))


def _view_of(event: Event) -> str:
    return event.page.view_id or "" if event.page else ""


def _arrived(visitor: Visitor, event: Event, at_ms: int) -> Visitor:
    """Count the event, and tell the last step how long the visitor stayed."""
    session = visitor.session
    steps = session.steps
    if steps and steps[-1].gap_ms < 0:
        steps = (*steps[:-1], steps[-1]._replace(gap_ms=at_ms - steps[-1].at_ms))
    query = event.query if event.name == "search" and event.query else session.query
    return replace(
        visitor, session=replace(session, last_ms=at_ms, events=session.events + 1, steps=steps, query=query)
    )


def _with_steps(visitor: Visitor, event: Event, at_ms: int, kind: str) -> Visitor:
    view = _view_of(event)
    steps = tuple(Step(product_id, kind, at_ms, view) for product_id in _products(event)[-MAX_STEPS:])
    session = visitor.session
    return replace(visitor, session=replace(session, steps=(*session.steps, *steps)[-MAX_STEPS:]))


def _touched(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:  # noqa: ARG001  one shape for all
    return Change(visitor)


def _viewed(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:
    kind, items = learned(event, rules)
    if kind is None:
        return Change(visitor)
    visitor = _clicked(visitor, event)
    last = visitor.session.steps[-1] if visitor.session.steps else None
    if (
        last
        and last.kind == "click"
        and last.product_id == items[0][0]
        and at_ms - last.at_ms <= MINUTE_MS
        and not last.view
    ):
        # The page a list click led to is the same visit, not a second one.
        merged = last._replace(view=_view_of(event), gap_ms=-1)
        session = replace(visitor.session, steps=(*visitor.session.steps[:-1], merged))
        return Change(replace(visitor, session=session))
    profile = replace(visitor.profile, views=visitor.profile.views + 1)
    return Change(replace(_with_steps(visitor, event, at_ms, kind), profile=profile), kind, items)


def _selected(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:
    kind, items = learned(event, rules)
    if kind is None:
        return Change(visitor)
    visitor = _with_steps(_clicked(visitor, event), event, at_ms, kind)
    # Without a page view: the page it leads to has its own.
    steps = visitor.session.steps
    visitor = replace(visitor, session=replace(visitor.session, steps=(*steps[:-1], steps[-1]._replace(view=""))))
    return Change(visitor, kind, items)


def _clicked(visitor: Visitor, event: Event) -> Visitor:
    """Mark what was clicked, and as skipped what was seen above it in the same slate."""
    products = set(_products(event))
    shown = tuple(one._replace(clicked=1) if one.product_id in products else one for one in visitor.shown)
    session = visitor.session
    if event.shown is not None and event.shown.rank is not None:
        slate, rank = event.shown.slate_id, event.shown.rank
        passed = [product for of, at, product in session.seen if of == slate and at < rank and product not in products]
        skipped = tuple(dict.fromkeys((*session.skipped, *passed)))[-MAX_SKIPPED:]
        session = replace(session, skipped=tuple(product for product in skipped if product not in products))
    return replace(visitor, shown=shown, session=session)


def _carted(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:
    kind, items = learned(event, rules)
    products = _products(event)
    profile = visitor.profile
    baskets = (*profile.baskets, *(Basket(product_id, at_ms, "cart") for product_id in products))[-MAX_BASKETS:]
    cart = tuple(dict.fromkeys((*profile.cart, *products)))[-MAX_CART:]
    profile = replace(profile, carts=profile.carts + 1, cart=cart, baskets=baskets)
    return Change(replace(_with_steps(visitor, event, at_ms, "cart"), profile=profile), kind, items)


def _uncarted(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:
    kind, items = learned(event, rules)
    gone = set(_products(event))
    cart = tuple(product_id for product_id in visitor.profile.cart if product_id not in gone)
    profile = replace(visitor.profile, cart=cart)
    return Change(replace(_with_steps(visitor, event, at_ms, "remove"), profile=profile), kind, items)


def _bought(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:
    kind, items = learned(event, rules)
    products = _products(event)
    profile = visitor.profile
    baskets = tuple(one for one in profile.baskets if one.kind != "cart" or one.product_id not in products)
    baskets = (*baskets, *(Basket(product_id, at_ms, "purchase") for product_id in products))[-MAX_BASKETS:]
    cart = tuple(product_id for product_id in profile.cart if product_id not in products)
    profile = replace(profile, purchases=profile.purchases + 1, cart=cart, baskets=baskets)
    return Change(replace(_with_steps(visitor, event, at_ms, "purchase"), profile=profile), kind, items)


def _refunded(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:  # noqa: ARG001  one shape for all
    kind, items = learned(event, rules)
    back = set(_products(event))
    kept = tuple(one for one in visitor.profile.baskets if one.product_id not in back)
    return Change(replace(visitor, profile=replace(visitor.profile, baskets=kept)), kind, items)


def _seen(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:
    kind, items = learned(event, rules)
    if kind is None:
        return Change(visitor)
    products = _products(event)
    known = {one.product_id: one for one in visitor.shown}
    for product_id in products:
        one = known.pop(product_id, Shown(product_id, 0, 0, 0))
        known[product_id] = one._replace(times=one.times + 1, last_ms=at_ms, clicked=0)
    session = visitor.session
    if event.shown is not None:
        first = event.shown.rank or 1
        ranks = tuple((event.shown.slate_id, first + place, product) for place, product in enumerate(products))
        session = replace(session, seen=(*session.seen, *ranks)[-MAX_SEEN:])
    return Change(replace(visitor, shown=tuple(known.values())[-MAX_SHOWN:], session=session), kind, items)


def _identified(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Change:  # noqa: ARG001  one shape for all
    return Change(visitor, "identify" if event.user_id else None)


def _pinged(visitor: Visitor, event: Event, at_ms: int, rules: SessionRules) -> Visitor:
    """Add a heartbeat to the page view it belongs to, in whatever order heartbeats arrive."""
    session = visitor.session
    view = _view_of(event)
    for place in range(len(session.steps) - 1, -1, -1):
        step = session.steps[place]
        if at_ms < step.at_ms or (view and step.view != view) or step.kind not in {"view", "click"}:
            continue
        beat = min((at_ms - step.at_ms) // rules.heartbeat_ms, HEARTBEATS)
        ping = event.ping
        new = step._replace(
            beats=step.beats | 1 << beat,
            dwell_ms=max(step.dwell_ms, ping.dwell_ms) if ping and ping.dwell_ms is not None else step.dwell_ms,
            scroll=max(step.scroll, ping.scroll) if ping and ping.scroll is not None else step.scroll,
        )
        session = replace(session, steps=(*session.steps[:place], new, *session.steps[place + 1 :]))
        break
    return replace(visitor, session=replace(session, last_ms=max(session.last_ms, at_ms)))


_CHANGES: dict[str, Callable[[Visitor, Event, int, SessionRules], Change]] = {
    "view_item": _viewed,
    "select_item": _selected,
    "add_to_cart": _carted,
    "remove_from_cart": _uncarted,
    "purchase": _bought,
    "refund": _refunded,
    "impression": _seen,
    "identify": _identified,
}
