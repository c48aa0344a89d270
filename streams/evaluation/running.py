"""Predict, then learn: a log worked through in its order, every query answered before its event is learned."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from models.knowledge import Knowledge
from models.session import SessionRules
from schemas.errors import RefusedError
from schemas.record import epoch_ms
from streams.deciding import UNLIMITED, imported
from streams.evaluation.log import Log
from streams.evaluation.opening import opened_shop
from streams.evaluation.plan import PROTOCOLS, Plan, Protocol
from streams.evaluation.queries import Questions
from streams.evaluation.recorder import Table
from streams.evaluation.visits import Happening
from streams.evaluation.work import Posed, Work
from streams.runs.display import Watch

AGES_MS = 1 << 50
"""Longer than any visit: where the log names its visits, none ends by itself."""


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
        with self.trained() as trained:
            return self.tested(trained)

    @contextmanager
    def trained(self) -> Iterator["Trained"]:
        """Train on the first part; what comes of it is good as long as the log is open.

        Raises:
            RefusedError: there is nothing to train on.
        """
        started = time.monotonic()
        with Log(self._plan, self._watch) as log:
            work = Work(self._plan, self._opened(self._plan, self._watch), self._rules(), self._questions)
            seconds = {"opening": time.monotonic() - started}
            events, split_ms = self._train(work, log, seconds)
            yield Trained(self._plan, self._watch, work, log, events, split_ms, seconds)

    def tested(self, trained: "Trained") -> Outcome:
        """Work through the second part by each protocol; once, since what learns on goes on learning.

        Raises:
            RefusedError: there is nothing to ask.
        """
        work, log, seconds = trained.work, trained.log, trained.seconds
        weights = work.shop.knowledge.model.blend.weights
        tables = self._protocols(work, log, trained.split_ms, seconds)
        events, refused = (trained.events, log.size[1]), dict(log.refused)
        return Outcome(tables, events, work.predictions, seconds, refused, tuple(self._notes), weights)

    def _protocols(self, work: Work, log: Log, split_ms: int, seconds: dict[str, float]) -> dict[Protocol, list[Table]]:
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

    def _train(self, work: Work, log: Log, seconds: dict[str, float]) -> tuple[int, int]:
        """Learn the first part; give how many events it has, and when it ends."""
        plan, begun = self._plan, time.monotonic()
        size = log.size[0]
        self._watch.stage("training", size)
        share = min(1.0, plan.most_rows / max(1, size))
        done, at_ms = 0, 0
        for one in reported(log.train(), self._watch):
            work.train(one, share)
            done, at_ms = done + 1, epoch_ms(one.event.at)
        seconds["training"] = time.monotonic() - begun
        if not work.learned.total:
            raise RefusedError(f"{plan.train.path} teaches nothing before the test part: it needs clicks or purchases.")
        work.learned.divide()
        return done, at_ms

    def _test(self, work: Work, protocol: Protocol, log: Log, split_ms: int) -> list[Table]:
        plan, size = self._plan, log.size[1]
        self._watch.stage(protocol, size)
        share = min(1.0, plan.most_queries / size)
        before = work.shop.visitors, work.bought
        if protocol == "static":  # what comes after begins where this did
            work.shop.visitors, work.bought = work.shop.visitors.copied(), work.bought.copied()
        tester = work.tester(protocol, split_ms if plan.test is None else None, share)
        for one in reported(log.test(), self._watch):
            tester.take(one)
        work.shop.visitors, work.bought = before
        return tester.recorder.tables()


@dataclass(frozen=True, eq=False)
class Trained:
    """An engine that has learned the first part.

    Args:
        plan: what for.
        watch: told of the stages.
        work: the engine.
        log: open.
        events: how many it has learned.
        split_ms: when the first part ends.
        seconds: by stage, so far.
    """

    plan: Plan
    watch: Watch
    work: Work
    log: Log
    events: int
    split_ms: int
    seconds: dict[str, float]

    def posed(self, stage: str) -> Iterator[Posed]:
        """Give the queries of the second part, learning frozen, as often as wanted; a stage is told of each time."""
        plan, size, begun = self.plan, self.log.size[1], time.monotonic()
        self.watch.stage(stage, size)
        since_ms = self.split_ms if plan.test is None else None
        yield from self.work.posed(reported(self.log.test(), self.watch), since_ms, min(1.0, plan.most_queries / size))
        self.seconds[stage] = time.monotonic() - begun


def reported(part: Iterable[Happening], watch: Watch) -> Iterator[Happening]:
    """Give events, and tell how far they are."""
    for done, one in enumerate(part):
        if done % 200 == 0:
            watch.reached(done)
        yield one


def _nothing_asked(protocol: Protocol) -> str:
    why = ": every visit in the test part began before the split" if protocol == "static" else ""
    return f"{protocol} asked nothing{why}; a longer test part (--last 30%) would."
