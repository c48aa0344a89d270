"""The search: trials over the validation part, the defaults first, and the best of them held against the defaults."""

import time
import typing
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from models.constants import Constants
from models.intervals import Paired, paired
from schemas.errors import RefusedError
from streams.evaluation.lists import BLEND
from streams.evaluation.plan import Plan, Protocol
from streams.evaluation.running import Evaluation
from streams.runs.display import Watch
from streams.tuning.known import KnownPart
from streams.tuning.space import Values, around, constants_with, defaults, suggested

if TYPE_CHECKING:
    from optuna import Study

AROUND = 8
"""Trials that look around the defaults before the sampler has seen enough to choose."""

SLOWER = 4.0
"""A trial that takes so many times the defaults' time is given up: a worker would be as much slower."""

PROTOCOL: Protocol = "prequential"
"""As a worker has it: predict, then learn."""


@dataclass(frozen=True)
class Search:
    """What is searched for.

    Args:
        part: what is known of the log.
        validation: share of its events, the last ones, that trials are judged by.
        measure: one of `models.trials.MEASURES`.
        k: length of the lists.
        trials: most trials, the defaults among them.
        seconds: no trial goes on after so long, but the first.
        queries: most queries asked, by leaving out whole visits.
        training_rows: most rows the blend learns before the validation part.
        content: with the vectors of products that have words.
        without_current: as in `Plan`.
        seed: of the sampler and the draws.
    """

    part: KnownPart
    validation: float
    measure: str
    k: int
    trials: int
    seconds: float
    queries: int
    training_rows: int
    content: bool
    without_current: bool
    seed: int

    @property
    def plan(self) -> Plan:
        """Give the evaluation a trial is, with the defaults."""
        return Plan(
            train=self.part,
            last=self.validation,
            protocols=(PROTOCOL,),
            without_current=self.without_current,
            k=self.k,
            content=self.content,
            most_queries=self.queries,
            most_rows=self.training_rows,
        )


class Progress(Watch, typing.Protocol):
    """Told of the trials, and of the stages of each."""

    def tried(self, done: int, defaults: float, best: float) -> None:
        """Say how many trials are done and what the best comes to."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A trial that went to its end: the constants, and every query's value, float32, shape (n,)."""

    constants: Constants
    table: str
    values: np.ndarray
    units: np.ndarray
    events: tuple[int, int]
    seconds: float

    @property
    def score(self) -> float:
        """Give the mean over all queries."""
        return float(self.values.mean())


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to.

    Args:
        defaults: the first trial.
        best: the best one, which may be the first.
        difference: best - defaults, over the same queries.
        trials: that went to their end.
        given_up: that were too slow, or out of time.
        stopped: by Ctrl-C.
        seconds: of all.
    """

    defaults: Judged
    best: Judged
    difference: Paired
    trials: int
    given_up: int
    stopped: bool
    seconds: float

    @property
    def better(self) -> bool:
        """Say whether the best is better than the defaults by more than noise."""
        return self.difference.low > 0


class LateError(Exception):
    """A trial has taken too long."""


def search(asked: Search, progress: Progress) -> Found:
    """Try constants until the trials or the time are used up, or Ctrl-C.

    Raises:
        RefusedError: the log asks nothing, or it was stopped before the defaults were measured.
    """
    running = _Running(asked, progress)
    stopped = False
    try:
        running.run()
    except KeyboardInterrupt:
        stopped = True
    if running.first is None or running.best is None:
        raise RefusedError("Stopped before the defaults were measured: there is nothing to compare yet.")
    first, best = running.first, running.best
    return Found(
        defaults=first,
        best=best,
        difference=paired(best.values, first.values, first.units, seed=asked.seed),
        trials=running.done,
        given_up=running.given_up,
        stopped=stopped,
        seconds=time.monotonic() - running.began,
    )


class _Running:
    """A search that goes on."""

    def __init__(self, asked: Search, progress: Progress) -> None:
        self._asked = asked
        self._progress = progress
        self._allowed_s = float("inf")
        self.began = time.monotonic()
        self.first: Judged | None = None
        self.best: Judged | None = None
        self.done = self.given_up = 0

    def run(self) -> None:
        """Run trial after trial."""
        from optuna.trial import TrialState

        study = _study(self._asked)
        for _ in range(self._asked.trials):
            if self.first is not None and self._left() <= 0:
                return
            trial = study.ask()
            judged = self._judged(suggested(trial))
            if judged is None:
                self.given_up += 1
                study.tell(trial, state=TrialState.PRUNED)
            else:
                self._take(judged)
                study.tell(trial, judged.score)

    def _left(self) -> float:
        return self._asked.seconds - (time.monotonic() - self.began)

    def _take(self, judged: Judged) -> None:
        self.done += 1
        if self.first is None:
            self.first = judged
            self._allowed_s = SLOWER * judged.seconds
        if self.best is None or judged.score > self.best.score:
            self.best = judged
        self._progress.tried(self.done + self.given_up, self.first.score, self.best.score)

    def _judged(self, values: Values) -> Judged | None:
        """Run one trial, None where it takes too long."""
        asked, constants, began = self._asked, constants_with(values), time.process_time()
        watch = _Hurried(self._progress, self._allowed_s, self._left() if self.first else float("inf"))
        with suppress(LateError):
            outcome = Evaluation(replace(asked.plan, constants=constants), watch).run()
            table = outcome.tables[PROTOCOL][0]
            blend = table.trials.rankers.index(BLEND)
            return Judged(
                constants,
                table.name,
                table.trials.of(asked.measure)[:, blend],
                table.trials.units,
                outcome.events,
                time.process_time() - began,
            )
        return None


class _Hurried:
    """Passes on what a trial tells, and ends it when it has used up its time.

    Args:
        inner: is told.
        allowed_s: processor time it may take, so that a busy machine gives nothing up.
        left_s: time left of the whole search.
    """

    def __init__(self, inner: Watch, allowed_s: float, left_s: float) -> None:
        self._inner = inner
        self._end_s = time.process_time() + allowed_s
        self._deadline_s = time.monotonic() + left_s

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._inner.stage(name, total)

    def reached(self, done: int) -> None:
        """Go on, or end."""
        self._inner.reached(done)
        if time.process_time() > self._end_s or time.monotonic() > self._deadline_s:
            raise LateError


def _study(asked: Search) -> "Study":
    """Begin with the defaults and what lies around them; from there on the sampler chooses."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=asked.seed, n_startup_trials=AROUND)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for values in (defaults(), *islice(around(asked.seed), AROUND)):
        study.enqueue_trial(dict(values))
    return study
