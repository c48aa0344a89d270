"""An engine at work on a log: what it learns, what it is asked, and what its lists were worth."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from models.facts import FactTable
from models.kernel import hash63
from models.knowledge import Knowledge
from models.scoring import CLICKS
from models.session import Applied, SessionRules
from streams.evaluation.lists import References, lists_of, rankers, slates_of
from streams.evaluation.lists import shown as cut
from streams.evaluation.plan import Plan, Protocol
from streams.evaluation.queries import Bought, Query, Questions
from streams.evaluation.recorder import Learned, Recorder
from streams.evaluation.shop import Asked, Shop
from streams.evaluation.variants import VARIANTS, Variants
from streams.evaluation.visits import Happening

SHARES = 1 << 16


class Posed(NamedTuple):
    """A query just before its event, which nobody has learned."""

    event_id: str
    applied: Applied
    query: Query


class Work:
    """The shop, and everything that is learned beside it."""

    def __init__(self, plan: Plan, knowledge: Knowledge, rules: SessionRules, questions: Questions) -> None:
        self.plan = plan
        self.questions = questions
        self.shop = Shop(knowledge, rules)
        self.learned = Learned(len(knowledge.facts))
        self.references = References(plan.k, knowledge.facts)
        self.bought = Bought()
        self.predictions = 0
        self.variants = Variants(self.shop) if plan.ablation else None

    def train(self, one: Happening, share: float) -> None:
        """Learn an event; a share of them with a training row."""
        applied = self.shop.turn(one)
        facts = self.shop.knowledge.facts
        query = self.questions.of(applied, facts, self.bought)
        asked = None
        if query is not None and chosen(one.event.event_id, share):
            asked = self.shop.ask(applied, query.awaited, query.context)
            self.predictions += 1
        self.learn(one, applied, query, asked)

    def learn(self, one: Happening, applied: Applied, query: Query | None, asked: Asked | None) -> None:
        """Let the model and the references learn an event."""
        facts, event = self.shop.knowledge.facts, one.event
        last = _last(applied, facts)
        if self.variants and query and asked:
            self.variants.learn(applied, query, asked)
        self.shop.learn(applied, asked, query.relevant if query else (), query.awaited if query else -1)
        self.bought.add(event, facts)
        if event.name in CLICKS or event.name in {"add_to_cart", "purchase"}:
            for item in event.items:
                row = facts.row_of(item.product_id)
                if row:
                    self.learned.add(row)
                    self.references.learn(last, row)

    def posed(self, part: Iterable[Happening], since_ms: int | None, share: float) -> Iterator[Posed]:
        """Give what the frozen engine is asked in a test part; afterwards visitors are what they were before.

        Args:
            part: its events.
            since_ms: visits that began by then are left out; None where there are none.
            share: of the visits.
        """
        before = self.shop.visitors, self.bought
        self.shop.visitors, self.bought = self.shop.visitors.copied(), self.bought.copied()
        try:
            for one in part:
                applied = self.shop.turn(one)
                query = self.questions.of(applied, self.shop.knowledge.facts, self.bought)
                if query is not None and counts(one, applied, since_ms, share):
                    yield Posed(one.event.event_id, applied, query)
                self.bought.add(one.event, self.shop.knowledge.facts)
        finally:
            self.shop.visitors, self.bought = before

    def tester(self, protocol: Protocol, since_ms: int | None, share: float) -> "Tester":
        """Begin a protocol."""
        return Tester(self, protocol, since_ms, share)


class Tester:
    """One protocol over the test part."""

    def __init__(self, work: Work, protocol: Protocol, since_ms: int | None, share: float) -> None:
        plan = work.plan
        self._work = work
        self._learns = protocol == "prequential"
        self._since_ms = since_ms
        self._share = share
        self._names = rankers(slates=plan.slates)
        variants = tuple(variant.name for variant in VARIANTS) if plan.ablation else ()
        self.recorder = Recorder(self._names, plan.k, work.learned, work.shop.knowledge, variants=variants)

    def take(self, one: Happening) -> None:
        """Answer an event's query, then learn the event unless learning is frozen."""
        work = self._work
        applied = work.shop.turn(one)
        query = work.questions.of(applied, work.shop.knowledge.facts, work.bought)
        asked = None
        if query is not None and counts(one, applied, None if self._learns else self._since_ms, self._share):
            asked = work.shop.ask(applied, query.awaited, query.context)
            work.predictions += 1
            self._record(one, query, asked, applied)
        if self._learns:
            work.learn(one, applied, query, asked)
        else:
            work.bought.add(one.event, work.shop.knowledge.facts)

    def _record(self, one: Happening, query: Query, asked: Asked, applied: Applied) -> None:
        work, plan = self._work, self._work.plan
        knowledge = work.shop.knowledge
        lists = lists_of(asked, query, plan.k, knowledge)
        for name, ranking in work.references.rankings(_last(applied, knowledge.facts)).items():
            lists[name] = cut(ranking, query, plan.k)
        if plan.slates:
            slates = slates_of(asked, one.event, query, knowledge, plan.constants.slates)
            lists |= {name: cut(slate, query, plan.k) for name, slate in slates.items()}
        if work.variants:
            lists |= work.variants.lists(applied, query, asked, plan.k)
        self.recorder.add(query, asked.context, lists, event_id=one.event.event_id)


def _last(applied: Applied, facts: FactTable) -> int:
    """Give the row of the session's current product before an event, 0 for none."""
    views = applied.context_before.views
    return facts.row_of(views[-1]) if views else 0


def counts(one: Happening, applied: Applied, since_ms: int | None, share: float) -> bool:
    """Say whether a query is asked: of visits that began before the split the frozen model knows a part."""
    if since_ms is not None and applied.after and applied.after.session.start_ms <= since_ms:
        return False
    return chosen(one.visit or one.event.visitor_id, share)


def chosen(name: str, share: float) -> bool:
    """Say whether a name is in a share 0..1 of all names."""
    return share >= 1 or hash63(name) % SHARES < share * SHARES
