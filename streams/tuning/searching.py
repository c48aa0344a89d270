"""The search: trials over the validation part, the defaults first, and the best of them held against the defaults."""

import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from models.intervals import Paired, paired
from schemas.errors import RefusedError
from streams.runs.display import Watch
from streams.tuning.space import Values, around, constants_with, defaults, suggested
from streams.tuning.trial import Hurried, Judged, LateError, Search, judge

if TYPE_CHECKING:
    from optuna import Study

SLOWER = 4.0
"""A trial that takes so many times the defaults' time is given up: a worker would be as much slower."""

AROUND = 8
"""Trials that look around the defaults before the sampler has seen enough to choose."""


class Progress(Watch, Protocol):
    """Told of the trials, and of the stages of each."""

    def tried(self, done: int, defaults: float, best: float) -> None:
        """Say how many trials are done and what the best comes to."""


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
        left_s = float("inf") if self.first is None else self._left()
        with suppress(LateError):
            return judge(self._asked, constants_with(values), Hurried(self._progress, self._allowed_s, left_s))
        return None


def _study(asked: Search) -> "Study":
    """Begin with the defaults and what lies around them; from there on the sampler chooses."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=asked.seed, n_startup_trials=AROUND)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for values in (defaults(), *islice(around(asked.seed), AROUND)):
        study.enqueue_trial(dict(values))
    return study
