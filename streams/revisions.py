"""Slates and judgements: ask for what a slate lacks, and decide it again when it comes in time.

Never in the way: a slate is written before anything of this is looked at, and a revision answers to no source record,
so a crash loses at most revisions. Never too late either: not after the deadline, not once the visitor has a newer
slate, has withdrawn, or is another worker's.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from models.features import score
from models.judgements import Judged
from models.placements import Placement
from models.retrieval import Retrieved, retrieve
from models.session import Visitor, encode
from models.training import sampled
from schemas.events import Event
from schemas.slates import JudgedBy, SlateHead
from schemas.topics import EVIDENCE, SLATES
from streams.asking import Asking
from streams.deciding import ClicksRules, Decided, Occasion, answered, answers_in, covered, decided
from streams.evidence import evidence_of
from streams.flow import Out
from streams.telemetry import count
from streams.waiting import Held, Shelf, Waiting
from streams.world import World


class Served(NamedTuple):
    """A slate of revision 0 and what it was decided from; `visitor` is absent without consent."""

    slate: Decided
    placement: Placement
    occasion: Occasion
    retrieved: Retrieved
    judged: Judged
    visitor: Visitor | None


class Revisions:
    """What follows from the judgements a worker's slates have or lack.

    Args:
        world: the folds all workers share.
        rules: constants.
        clock: tells when slates are decided and until when they wait.
    """

    def __init__(self, world: World, rules: ClicksRules, *, clock: Callable[[], datetime]) -> None:
        self._world = world
        self._rules = rules
        self._clock = clock
        self._asking = Asking()
        self._waiting = Waiting()
        self._ripe: OrderedDict[Shelf, Held] = OrderedDict()

    def heard(self, event: Event, user_id: str | None) -> None:
        """Take note of an event before anything follows from it: what is no longer wanted does not come afterwards.

        No slate of somebody goes on waiting who asks to be forgotten, no longer consents, or is another user by now.

        Args:
            event: the event.
            user_id: whom a `forget` is for besides the visitor, where known.
        """
        if not len(self._waiting):
            return
        gone = event.name == "forget" or event.consent != "personalisation"
        for held in self._waiting.of_visitor(event.visitor_id):
            if gone or event.user_id not in {None, held.occasion.context.user_id}:
                self._waiting.leave(held.shelf, outcome="gone")
        if event.name == "forget" and user_id is not None:
            for held in self._waiting.of_user(user_id):
                self._waiting.leave(held.shelf, outcome="gone")

    def served(self, served: Served, *, asks: bool) -> Iterator[Out]:
        """Count a slate of a judged placement, and ask for the judgements it lacks.

        Args:
            served: the slate.
            asks: False for events that nobody waits for.
        """
        head, judged = served.slate.head, served.judged
        count("judged_slates", placement=head.placement, state=state_of(head.judged))
        self._waiting.leave(_shelf(head), outcome="superseded")
        wanted = asks and self._rules.asks and head.decided_at < head.expires_at
        if head.judged is None or not judged.of or not wanted:
            return
        deadline_at = None
        if not head.judged.covered:
            deadline_at = head.decided_at + timedelta(milliseconds=self._rules.deadline_ms)
            self._wait(served, deadline_at)
        yield from self._asking.requests(
            served.occasion, judged, self._world.knowledge.judgements,
            slate_id=head.slate_id, now=head.decided_at, deadline_at=deadline_at,
        )  # fmt: skip

    def drop(self) -> None:
        """Let no slate wait any longer: the visitors are other workers' now, or may be."""
        self._waiting.clear()
        self._ripe.clear()

    def revise(self, most: int = 4) -> list[Out] | None:
        """Decide slates again whose judgements have come in time: revision 1, of so many slates at a time.

        Returns:
            what must be written; None when nothing is left to do until judgements come again.
        """
        judgements = self._world.knowledge.judgements
        self._waiting.expire(self._clock())
        for held in self._waiting.waiting_for(judgements.news()):
            if judgements.cover(held.keys, held.best, held.occasion.context.at_ms):
                self._ripe[held.shelf] = held  # once, however many tables come before its turn
        if not self._ripe:
            return None
        lineage = orjson.Fragment(self._world.lineage().encode())
        some = [self._ripe.popitem(last=False)[1] for _ in range(min(most, len(self._ripe)))]
        return [out for held in some if self._waiting.holds(held) for out in self._revision(held, lineage)]

    def _wait(self, served: Served, deadline_at: datetime) -> None:
        """Let a slate wait that is not covered."""
        head, visitor = served.slate.head, served.visitor
        self._waiting.expire(head.decided_at)
        state = None
        if visitor is not None and sampled(head.slate_id, self._rules.evidence_share):
            state = encode(visitor)
        knowledge, judged = self._world.knowledge, served.judged
        held = Held(
            slate_id=head.slate_id,
            shelf=_shelf(head),
            placement=served.placement,
            occasion=served.occasion,
            answers=answers_in(served.retrieved, knowledge),
            keys=judged.keys,
            best=tuple(knowledge.facts.names[row] for row in judged.best[: judged.of].tolist()),
            deadline_at=deadline_at,
            state=state,
        )
        self._waiting.add(held)

    def _revision(self, held: Held, lineage: orjson.Fragment) -> Iterator[Out]:
        """Decide a waiting slate with what is known now; not while its judgements do not cover it."""
        knowledge, (event, context, cause) = self._world.knowledge, held.occasion
        decided_at = self._clock()
        if held.deadline_at < decided_at:
            self._waiting.leave(held.shelf, outcome="late")
            return
        retrieved = retrieve(context, event, knowledge, recorded=answered(held.answers, knowledge))
        candidates = score(retrieved.found, context, knowledge)
        if not covered(candidates.judged, knowledge):
            return
        slate = decided(
            held.occasion, held.placement, candidates, knowledge, self._rules.slates,
            decided_at=decided_at, revision=1,
        )  # fmt: skip
        key = event.visitor_id.encode()
        data = slate.encode(lineage=lineage, cause=orjson.Fragment(cause.encode()))
        yield Out(SLATES, cause.partition, key, data, cause.offset)
        if sampled(held.slate_id, self._rules.evidence_share):
            evidence = evidence_of(slate.head, held.state, held.answers)
            yield Out(EVIDENCE, cause.partition, key, evidence.encode(), cause.offset)
        self._waiting.leave(held.shelf, outcome="sent")


def _shelf(head: SlateHead) -> Shelf:
    return head.visitor_id, head.placement, head.anchor


def state_of(judged: JudgedBy | None) -> str:
    """Name how far a slate is judged.

    By judgements that cover it, of its own key (`fine`) or of everybody with the intent (`coarse`); by too few
    (`partial`), by none (`missing`), or with nothing to judge by (`no_key`).
    """
    if judged is None:
        return "no_key"
    if judged.covered:
        return judged.by
    return "missing" if judged.by == "none" else "partial"
