"""Tell a visitor: the session as it builds, and their slates."""

from collections.abc import Iterable

from models.intent import keys_of
from models.knowledge import Knowledge
from schemas.record import rfc3339
from schemas.slates import Slate
from streams.bootstrap import clicks_rules
from streams.console.candidates import product_of, tell_decision
from streams.console.recent import Happened, Recent, Shelf
from streams.console.told import DecisionTold, EventTold, ItemOnShelf, ProductTold, ShelfTold, VisitorTold
from streams.past.accounts import Titles, tell_context, tell_session
from streams.past.again import context_after
from streams.past.explanation import ContextTold, SessionTold
from streams.past.judged import tell_moves
from streams.settings import Settings
from streams.world import World

EVENTS_TOLD = 40
TOLD_AGAIN = 256
"""Decisions that are remembered: a slate is told with the model of when it was told first, which is the nearest."""

NO_EVIDENCE = (
    "There is no evidence of this slate (AISLE_EVIDENCE_SHARE is below 1), or it came before the console looked: "
    "what follows is what the slate itself carries."
)
NO_EVENT = "The event of this slate came before the console looked: what follows is what the slate itself carries."
NO_CONSENT = "Without consent nothing is kept of this visitor: there is nothing to show but the event itself."


class Teller:
    """Tells visitors by an installation's rules.

    Args:
        settings: the installation's, of the generation in force.
    """

    def __init__(self, settings: Settings) -> None:
        self._rules = clicks_rules(settings)
        self._sizes = {one.name: one.size for one in self._rules.placements}
        self._decisions: dict[tuple[str, int], DecisionTold] = {}

    def tell(self, recent: Recent, world: World | None, why_not: str, shelf: str | None) -> VisitorTold:
        """Tell a visitor.

        Args:
            recent: their newest records.
            world: stands still meanwhile; None where there is none yet.
            why_not: why nothing can be decided with it; empty where it can.
            shelf: the placement whose slate is decided again; the newest one's where absent.
        """
        knowledge = world.knowledge if world else None
        titles, last = Titles(knowledge), recent.events[-1] if recent.events else None
        session, context, told = None, None, None
        if last is not None:
            state = recent.state() if last.event.consent == "personalisation" else None
            context = context_after(state, last.event, self._rules.session)
            session = tell_session(state, context, last.event, self._rules.session, titles)
            told = tell_context(context, knowledge, titles) if knowledge and session.known else None
        keys = keys_of(context, knowledge.facets) if context and knowledge else ()
        shelves = sorted(recent.shelves.values(), key=lambda one: -one.written_ms)
        chosen = shelf if shelf in recent.shelves else shelves[0].slate.placement if shelves else None
        shelves_told = tuple(
            self._shelf(one, recent, world, why_not, decide=one.slate.placement == chosen) for one in shelves
        )
        return VisitorTold(
            consent=None if last is None else last.event.consent == "personalisation",
            session=session,
            context=told,
            segment=keys[0].segment if keys else "",
            intents=tuple(key.intent for key in keys),
            events=tuple(_event(one, titles) for one in reversed(recent.events[-EVENTS_TOLD:])),
            shelves=shelves_told,
            products=_named(session, told, knowledge),
            why_not=why_not if last is not None else "Nothing of this visitor was read yet.",
        )

    def _shelf(self, shelf: Shelf, recent: Recent, world: World | None, why_not: str, *, decide: bool) -> ShelfTold:
        slate, happened = shelf.slate, recent.event_at(shelf.slate.cause.offset)
        knowledge = world.knowledge if world else None
        titles, size = Titles(knowledge), self._sizes.get(slate.placement, 0)
        decision, why = None, ""
        if decide:
            decision, why = self._decision(slate, happened, recent, world, why_not)
        return ShelfTold(
            placement=slate.placement,
            anchor=slate.anchor,
            slate_id=slate.slate_id,
            revision=slate.revision,
            revisions=len(shelf.revisions),
            event_at=rfc3339(slate.event_at),
            decided_at=rfc3339(slate.decided_at),
            written_after_ms=None if happened is None else max(0, shelf.written_ms - happened.arrived_ms),
            shown=size,
            items=_items(slate, knowledge),
            judged=slate.judged.model_dump() if slate.judged else None,
            explored=slate.explored.model_dump() if slate.explored else None,
            lineage=slate.lineage.model_dump(exclude_none=True),
            cause=slate.cause.model_dump(exclude={"event_id"}),
            moves=tell_moves(shelf.revisions, size, titles),
            decision=decision,
            why_not=why,
        )

    def _decision(
        self, slate: Slate, happened: Happened | None, recent: Recent, world: World | None, why_not: str
    ) -> tuple[DecisionTold | None, str]:
        name = (slate.slate_id, slate.revision)
        if name in self._decisions:
            return self._decisions[name], ""
        if world is None or why_not:
            return None, why_not
        if happened is None:
            return None, NO_EVENT
        evidence = recent.evidence_of(slate)
        if evidence is None:
            return None, NO_EVIDENCE
        told, why = tell_decision(slate, happened.event, evidence, world, self._rules)
        if told is not None:
            self._decisions[name] = told
            if len(self._decisions) > TOLD_AGAIN:
                del self._decisions[next(iter(self._decisions))]
        return told, why


def _items(slate: Slate, knowledge: Knowledge | None) -> tuple[ItemOnShelf, ...]:
    return tuple(
        ItemOnShelf(
            rank=item.rank,
            product=product_of(item.product_id, knowledge),
            score=item.score,
            reason=item.reason,
            sources=tuple(sorted(item.sources.items(), key=lambda pair: -pair[1])),
        )
        for item in slate.items
    )


def _event(one: Happened, titles: Titles) -> EventTold:
    event = one.event
    return EventTold(
        name=event.name,
        at=rfc3339(event.at),
        page=(event.page.kind or "") if event.page else "",
        products=tuple((item.product_id, titles(item.product_id)) for item in event.items[:20]),
        query=event.query,
        placement=event.shown.placement if event.shown else "",
        rank=event.shown.rank if event.shown else None,
        dwell_s=event.ping.dwell_ms / 1000 if event.ping and event.ping.dwell_ms is not None else None,
        scroll=event.ping.scroll if event.ping else None,
        consent=event.consent == "personalisation",
    )


def _named(
    session: SessionTold | None, context: ContextTold | None, knowledge: Knowledge | None
) -> dict[str, ProductTold]:
    """Name every product that the session and its context speak of by id alone."""
    if session is None:
        return {}
    ids: Iterable[str] = (*session.skipped, *session.cart, *session.purchased)
    steps = (step.product_id for step in session.steps)
    weighed = (one.product_id for one in context.weights) if context else ()
    return {name: product_of(name, knowledge) for name in dict.fromkeys((*ids, *steps, *weighed))}
