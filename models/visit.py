"""How one visit moves: its steps, the pages they are on, what pings and gaps say of them."""

import zlib

from models.engagement import LOOKING, beat
from models.referrer import landed
from models.session_rules import SessionRules
from models.visitor import UNKNOWN, Session, Step
from schemas.events import Event, EventName
from schemas.learning import StepKind

KIND_OF: dict[EventName, StepKind] = {
    "view_item": "view",
    "select_item": "click",
    "add_to_cart": "cart",
    "remove_from_cart": "remove",
    "purchase": "purchase",
}
"""Events that are steps of a session."""

ACTIVE: frozenset[EventName] = frozenset({*KIND_OF, "page_view", "search", "begin_checkout"})
"""Events that tell that the visitor has gone on; the others happen while a page is being looked at."""

CLICKED, OPENED = 1, 2
"""`Session.awaits`: a click on a list, before and after a page was opened."""


def name_hash(name: str | None) -> int:
    """Hash a page view's or slate's id to 1..65535, 0 for none: enough to tell apart those of one visit.

    >>> name_hash("page-1"), name_hash(None)
    (62951, 0)
    """
    return zlib.crc32(name.encode()) % 65535 + 1 if name else 0


def view_of(event: Event) -> int:
    """Give the hash of the page view an event happened on."""
    return name_hash(event.page.view_id) if event.page else 0


def kind_of(event: Event) -> StepKind | None:
    """Name the step an event is: a view reached through a list or slate is a click."""
    kind = KIND_OF.get(event.name)
    return "click" if kind == "view" and event.shown else kind


def arrives(session: Session, event: Event, at_ms: int, rules: SessionRules) -> bool:
    """Say whether a product view is the page of the click just before it: the same visit, not to be counted twice."""
    if not session.awaits or event.name != "view_item" or len(event.items) != 1:
        return False
    click = session.steps[-1]
    return click.product_id == event.items[0].product_id and at_ms - click.at_ms <= rules.arrival_ms


def moved(session: Session, event: Event, at_ms: int, rules: SessionRules) -> Session:
    """Move a session by an event that is not late."""
    session = session._replace(
        last_ms=at_ms,
        events=session.events + 1,
        landing=landed(session.landing, event),
        query=event.query[: rules.query_chars] if event.name == "search" and event.query else session.query,
    )
    if event.name == "page_ping":
        return pinged(session, event, at_ms, rules)
    if event.name not in ACTIVE:
        return session
    if arrives(session, event, at_ms, rules):
        return _opened(session, event, at_ms)._replace(awaits=0)
    if session.awaits == CLICKED and event.name == "page_view":
        return _opened(session, event, at_ms)._replace(awaits=OPENED)
    return _stepped(_left(session, event, at_ms, rules), event, at_ms, rules)


def _opened(session: Session, event: Event, at_ms: int) -> Session:
    """Start the clicked product's time with its page."""
    click = session.steps[-1]
    if session.awaits == OPENED and click.view == view_of(event):
        return session
    return session._replace(steps=(*session.steps[:-1], click._replace(at_ms=at_ms, view=view_of(event))), open=1)


def _left(session: Session, event: Event, at_ms: int, rules: SessionRules) -> Session:
    """Tell the steps of the current page how long they have lasted, and close those whose page was left."""
    if not session.open:
        return session
    view, steps, stays = view_of(event), list(session.steps), 0
    for place in range(max(0, len(steps) - session.open), len(steps)):
        step = steps[place]
        if step.kind in LOOKING and rules.gaps:
            steps[place] = step._replace(gap_ms=min(at_ms - step.at_ms, rules.dwell_cap_ms))
        stays = stays + 1 if step.view and step.view == view else 0
    return session._replace(steps=tuple(steps), open=stays, awaits=0)


def _stepped(session: Session, event: Event, at_ms: int, rules: SessionRules) -> Session:
    kind = kind_of(event)
    if kind is None or not event.items:
        return session
    # A click on a list happens on the list's page: its own page comes with the next event.
    view = 0 if event.name == "select_item" else view_of(event)
    products = list(dict.fromkeys(item.product_id for item in event.items))
    steps = [Step(product_id, kind, at_ms, view) for product_id in products[-rules.steps :]]
    return session._replace(
        steps=(*session.steps, *steps)[-rules.steps :],
        total=session.total + len(products),
        open=min(session.open + len(steps), rules.steps),
        awaits=CLICKED if event.name == "select_item" and len(products) == 1 else 0,
    )


def pinged(session: Session, event: Event, at_ms: int, rules: SessionRules) -> Session:
    """Add a page ping to the step it belongs to; the order in which pings come does not matter."""
    place = _pinged_step(session, view_of(event), at_ms)
    if place is None:
        return session
    step, ping = session.steps[place], event.ping
    told = ping.dwell_ms if ping and ping.dwell_ms is not None else 0
    scroll = round(ping.scroll * 100) if ping and ping.scroll is not None else UNKNOWN
    step = step._replace(
        beats=step.beats | beat(step, at_ms, rules),
        told_ms=max(step.told_ms, min(told, rules.dwell_cap_ms)),
        scroll=max(step.scroll, scroll),
    )
    return session._replace(steps=(*session.steps[:place], step, *session.steps[place + 1 :]))


def _pinged_step(session: Session, view: int, at_ms: int) -> int | None:
    """Find the newest look before the ping on its page; a page that is not named fits any."""
    for place in range(len(session.steps) - 1, -1, -1):
        step = session.steps[place]
        if step.kind not in LOOKING or step.at_ms > at_ms:
            continue
        if place == len(session.steps) - 1 and session.awaits == CLICKED:
            continue
        if not view or not step.view or step.view == view:
            return place
    return None
