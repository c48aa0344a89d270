"""One trial: the engine with some constants over what is known of a log, predicting before it learns."""

import time
from dataclasses import dataclass, replace

import numpy as np

from models.constants import Constants
from streams.evaluation.lists import BLEND
from streams.evaluation.plan import Plan, Protocol
from streams.evaluation.running import Evaluation
from streams.runs.display import Watch
from streams.tuning.known import KnownPart

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


class LateError(Exception):
    """A trial has taken too long."""


class Hurried:
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


def judge(asked: Search, constants: Constants, watch: Watch) -> Judged:
    """Run a trial to its end.

    Args:
        asked: the search it belongs to.
        constants: what the engine runs with.
        watch: told of the stages; may end the trial.
    """
    began = time.process_time()
    outcome = Evaluation(replace(asked.plan, constants=constants), watch).run()
    table = outcome.tables[PROTOCOL][0]
    values = table.trials.of(asked.measure)[:, table.trials.rankers.index(BLEND)]
    seconds = time.process_time() - began
    return Judged(constants, table.name, values, table.trials.units, outcome.events, seconds)
