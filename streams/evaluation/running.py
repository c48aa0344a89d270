"""Predict, then learn: a log worked through in its order, every query answered before its event is learned."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from models.facts import FactTable
from models.kernel import hash63
from models.knowledge import Knowledge
from models.scoring import CLICKS
from models.session import Applied, SessionRules
from schemas.errors import RefusedError
from schemas.record import epoch_ms
from streams.deciding import UNLIMITED, imported
from streams.evaluation.lists import References, lists_of, rankers, slates_of
from streams.evaluation.lists import shown as cut
from streams.evaluation.log import Log
from streams.evaluation.opening import opened_shop
from streams.evaluation.plan import PROTOCOLS, Plan, Protocol
from streams.evaluation.queries import Bought, Query, Questions
from streams.evaluation.recorder import Learned, Recorder, Table
from streams.evaluation.shop import Asked, Shop
from streams.evaluation.variants import VARIANTS, Variants
from streams.evaluation.visits import Happening
from streams.runs.display import Watch

AGES_MS = 1 << 50
"""Longer than any visit: where the log names its visits, none ends by itself."""

SHARES = 1 << 16


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an evaluation found.

    Args:
        tables: by protocol.
        events: events before and after the split.
        predictions: how often the engine was asked, for training rows too.
        seconds: by stage.
        refused: lines that were left out, by reason.
        notes: what has to be said of the log.
        weights: of the blend at the split, by feature.
    """

    tables: dict[Protocol, list[Table]]
    events: tuple[int, int]
    predictions: int
    seconds: dict[str, float]
    refused: dict[str, int]
    notes: tuple[str, ...]
    weights: dict[str, float]


class Evaluation:
    """Works a plan through.

    Args:
        plan: what to do.
        watch: told of the stages.
        opened: opens the shop it begins with.
    """

    def __init__(self, plan: Plan, watch: Watch, *, opened: Callable[[Plan, Watch], Knowledge] = opened_shop) -> None:
        self._plan = plan
        self._opened = opened
        self._watch = watch
        self._questions = Questions(plan.task, plan.targets, plan.without_current)
        self._notes: list[str] = []

    def run(self) -> Outcome:
        """Train on the first part, then work through the second by each protocol.

        Raises:
            RefusedError: there is nothing to train on, or nothing to ask.
        """
        started = time.monotonic()
        with Log(self._plan, self._watch) as log:
            work = _Work(self._plan, self._opened(self._plan, self._watch), self._rules(), self._questions)
            seconds = {"opening": time.monotonic() - started}
            trained, split_ms = self._train(work, log, seconds)
            weights = work.shop.knowledge.model.blend.weights
            tables = self._protocols(work, log, split_ms, seconds)
            events, refused = (trained, log.size[1]), dict(log.refused)
        return Outcome(tables, events, work.predictions, seconds, refused, tuple(self._notes), weights)

    def _protocols(
        self, work: "_Work", log: Log, split_ms: int, seconds: dict[str, float]
    ) -> dict[Protocol, list[Table]]:
        """Work through the second part, what is frozen first."""
        tables: dict[Protocol, list[Table]] = {}
        for protocol in sorted(self._plan.protocols, key=PROTOCOLS.index):
            begun = time.monotonic()
            tables[protocol] = self._test(work, protocol, log, split_ms)
            seconds[protocol] = time.monotonic() - begun
            if not tables[protocol]:
                self._notes.append(_nothing_asked(protocol))
        if not any(tables.values()):
            raise RefusedError(
                "The test part asks nothing: no visit in it goes on after its first click, and nothing is bought. "
                "Give a longer part (--last 30%), or the right columns for session, user and kind."
            )
        return tables

    def _rules(self) -> SessionRules:
        """Take the session's constants as far as the log allows."""
        rules = imported(self._plan.constants.session)
        files = self._plan.files
        if all(file.survey.names_visits for file in files):
            rules = replace(rules, session_ms=AGES_MS)
        if not all(file.survey.tells_dwell for file in files):
            rules = replace(rules, gaps=False, views_per_minute=UNLIMITED, views_per_hour=UNLIMITED)
            self._notes.append(
                "Times are too coarse to tell how long somebody looked, or who is too fast for a person."
            )
        return rules

    def _train(self, work: "_Work", log: Log, seconds: dict[str, float]) -> tuple[int, int]:
        """Learn the first part; give how many events it has, and when it ends."""
        plan, begun = self._plan, time.monotonic()
        size = log.size[0]
        self._watch.stage("training", size)
        share = min(1.0, plan.most_rows / max(1, size))
        done, at_ms = 0, 0
        for one in self._reported(log.train()):
            work.train(one, share)
            done, at_ms = done + 1, epoch_ms(one.event.at)
        seconds["training"] = time.monotonic() - begun
        if not work.learned.total:
            raise RefusedError(f"{plan.train.path} teaches nothing before the test part: it needs clicks or purchases.")
        work.learned.divide()
        return done, at_ms

    def _test(self, work: "_Work", protocol: Protocol, log: Log, split_ms: int) -> list[Table]:
        plan, size = self._plan, log.size[1]
        self._watch.stage(protocol, size)
        share = min(1.0, plan.most_queries / size)
        before = work.shop.visitors, work.bought
        if protocol == "static":  # what comes after begins where this did
            work.shop.visitors, work.bought = work.shop.visitors.copied(), work.bought.copied()
        tester = work.tester(protocol, split_ms if plan.test is None else None, share)
        for one in self._reported(log.test()):
            tester.take(one)
        work.shop.visitors, work.bought = before
        return tester.recorder.tables()

    def _reported(self, part: Iterable[Happening]) -> Iterator[Happening]:
        for done, one in enumerate(part):
            if done % 200 == 0:
                self._watch.reached(done)
            yield one


def _nothing_asked(protocol: Protocol) -> str:
    why = ": every visit in the test part began before the split" if protocol == "static" else ""
    return f"{protocol} asked nothing{why}; a longer test part (--last 30%) would."


class _Work:
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

    def tester(self, protocol: Protocol, since_ms: int | None, share: float) -> "_Tester":
        """Begin a protocol."""
        return _Tester(self, protocol, since_ms, share)


class _Tester:
    """One protocol over the test part."""

    def __init__(self, work: _Work, protocol: Protocol, since_ms: int | None, share: float) -> None:
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
        if query is not None and self._counts(one, applied):
            asked = work.shop.ask(applied, query.awaited, query.context)
            work.predictions += 1
            self._record(one, query, asked, applied)
        if self._learns:
            work.learn(one, applied, query, asked)
        else:
            work.bought.add(one.event, work.shop.knowledge.facts)

    def _counts(self, one: Happening, applied: Applied) -> bool:
        """Say whether a query is asked: of visits that began before the split the frozen model knows a part."""
        frozen_since = None if self._learns else self._since_ms
        if frozen_since is not None and applied.after and applied.after.session.start_ms <= frozen_since:
            return False
        return chosen(one.visit or one.event.visitor_id, self._share)

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


def chosen(name: str, share: float) -> bool:
    """Say whether a name is in a share 0..1 of all names."""
    return share >= 1 or hash63(name) % SHARES < share * SHARES
