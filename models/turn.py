"""One event's turn: who the visitor is, which visit this is, what the event changes in it, what it teaches."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from models.applied import Applied
from models.context import Moment, moment_of
from models.exposure import clicked, forgiven, seen_more
from models.lesson import learning_step
from models.profile import traded
from models.rates import counted, is_bot, is_throttled
from models.session_rules import SessionRules
from models.visit import KIND_OF, arrives, moved, pinged
from models.visitor import Profile, Seen, Session, Visitor
from models.visitor_size import bounded
from schemas.events import Event
from schemas.learning import LearningStep, Origin


class Turn(NamedTuple):
    """An event that is new and allowed, and the visitor it meets; `seen` holds the event's hash already."""

    visitor: Visitor
    event: Event
    at_ms: int
    origin: Origin
    item_of: Callable[[str], str]
    rules: SessionRules
    seen: bytes

    def in_order(self) -> Applied:
        """Apply an event that is the visitor's newest."""
        event, at_ms, rules = self.event, self.at_ms, self.rules
        visitor, session = self._met()
        # A visit's next event tells nothing of its own time here: the moment before is that of the last event.
        before = moment_of(visitor, session, session.last_ms)
        arrival = arrives(session, event, at_ms, rules)
        session = moved(session, event, at_ms, rules)
        rates = counted(visitor.rates, event, at_ms, rules, again=arrival)
        shown, profile = self._traces(visitor, session)
        after = Visitor(
            self.origin.offset, at_ms, visitor.user_id, session, shown, profile, rates, self.seen, visitor.more
        )
        after = bounded(after, rules)
        bot = is_bot(rates, event, at_ms, rules)
        throttled = event.name in rules.triggers and is_throttled(rates, rules)
        return Applied(
            visitor=after,
            changed=True,
            step=None if arrival or bot else self._lesson(before),
            triggers=not throttled,
            note="throttled" if throttled else "bot" if bot else "ok",
            event=event,
            rules=rules,
            before=before,
            after=moment_of(after, after.session or session, at_ms),
        )

    def late(self) -> Applied:
        """Learn from an event that comes after newer ones, without moving the session."""
        visitor, event, at_ms, rules = self.visitor, self.event, self.at_ms, self.rules
        session = visitor.session
        assert session is not None, "nothing is late for somebody new"
        rates = counted(visitor.rates, event, visitor.clock_ms, rules)
        before = self._then(session)
        bot = is_bot(rates, event, visitor.clock_ms, rules)
        step = None if bot or self._opened_since(session) else self._lesson(before)
        if event.name == "page_ping":
            session = pinged(session, event, at_ms, rules)
        shown, profile, user_id = visitor.shown, visitor.profile, visitor.user_id
        if self._same_person():
            shown, profile = self._traces(visitor, session)
            user_id = user_id or event.user_id
        after = Visitor(
            self.origin.offset, visitor.clock_ms, user_id, session, shown, profile, rates, self.seen, visitor.more
        )
        after = bounded(after, rules)
        return Applied(
            visitor=after,
            changed=True,
            step=step,
            triggers=False,
            note="bot" if bot else "late",
            event=event,
            rules=rules,
            before=before,
            after=moment_of(after, after.session or session, session.last_ms),
        )

    def _lesson(self, before: Moment) -> LearningStep | None:
        visitor, event = self.visitor, self.event
        signs_in = event.user_id is not None and visitor.user_id is None and visitor.session is not None
        return learning_step(event, before, self.origin, self.item_of, self.rules, signs_in=signs_in)

    def _same_person(self) -> bool:
        return self.event.user_id is None or self.visitor.user_id in {None, self.event.user_id}

    def _met(self) -> tuple[Visitor, Session]:
        """Settle who the visitor is and which visit this is: both may begin with this event."""
        visitor, event, at_ms = self.visitor, self.event, self.at_ms
        session = visitor.session
        if not self._same_person():
            visitor = replace(visitor, user_id=event.user_id, shown=(), profile=Profile(at_ms), more=None)
            session = None
        elif event.user_id is not None and visitor.user_id is None:
            visitor = replace(visitor, user_id=event.user_id)
        if session is None or at_ms - session.last_ms > self.rules.session_ms:
            name = f"{event.visitor_id}\0{event.event_id}".encode()
            session = Session(hashlib.blake2b(name, digest_size=8).hexdigest(), at_ms, at_ms)
            profile = visitor.profile._replace(sessions=visitor.profile.sessions + 1)
            visitor = replace(visitor, shown=forgiven(visitor.shown), profile=profile)
        return visitor, session

    def _then(self, session: Session) -> Moment:
        """Give what a late event may be learned with: what its own visitor had done in this visit before its time."""
        visitor = self.visitor
        if not self._same_person():
            nobody = Session("", self.at_ms, self.at_ms)
            return Moment(self.event.user_id, self.at_ms, nobody, (), Profile(self.at_ms))
        steps = tuple(step for step in session.steps if step.at_ms <= self.at_ms)
        then = session._replace(steps=steps)
        if self.at_ms < session.start_ms:
            then = Session("", session.last_ms, session.last_ms)
        return moment_of(visitor, then, session.last_ms)._replace(user_id=visitor.user_id or self.event.user_id)

    def _opened_since(self, session: Session) -> bool:
        """Say whether a late click is one whose page was learned already: both are one visit."""
        products = {item.product_id for item in self.event.items}
        return self.event.name == "select_item" and any(
            step.product_id in products and 0 <= step.at_ms - self.at_ms <= self.rules.arrival_ms
            for step in session.steps
        )

    def _traces(self, visitor: Visitor, session: Session) -> tuple[tuple[Seen, ...], Profile]:
        """Write down what an event tells beside its place in the session."""
        event, at_ms, rules, shown = self.event, self.at_ms, self.rules, visitor.shown
        if event.name == "impression":
            shown = seen_more(shown, event, at_ms, rules)
        elif event.name in KIND_OF and event.name != "remove_from_cart":
            shown = clicked(shown, event, session.total)
        return shown, traded(visitor.profile, event, at_ms, rules)
