"""One fault after the other: calm, harm, recovery, no lag, everything checked."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.errors import RefusedError
from schemas.topics import SLATES, TopicName
from streams.flow import LogRecord
from tests.faults.checks import CHECKED, Checks, Verdict
from tests.faults.model_check import ModelCheck
from tests.faults.oracle import Oracle
from tests.faults.plan import Planned
from tests.faults.reader import Reader
from tests.faults.served import Served
from tests.faults.stage import HungError, Stage

RECOVERS_WITHIN_S = 180.0
"""Much longer than a session timeout, a rebalance and a start take together: on a busy machine, too, this is a hang."""


@dataclass(frozen=True)
class Staged:
    """How one fault went: seconds until the first slate for an event sent after it, and until every partition had one.

    `hung` says what did not come about in time; `took_s` is everything, with the checks;
    `phases` say where it went.
    """

    name: str
    verdict: Verdict
    first_s: float | None = None
    whole_s: float | None = None
    hung: str | None = None
    took_s: float = 0.0
    phases: tuple[tuple[str, float], ...] = ()

    @property
    def exact(self) -> bool:
        """Tell whether all went as it must."""
        return self.verdict.exact and self.hung is None

    def line(self, number: int) -> str:
        """Say it in a line."""
        seconds = "/".join("-" if one is None else f"{one:.1f}" for one in (self.first_s, self.whole_s))
        how = "exact" if self.exact else "NOT EXACT"
        parts = " ".join(f"{name} {took:.1f}" for name, took in self.phases)
        return f"{number} {self.name}: {how}, slates after {seconds} s, {self.took_s:.1f} s in all ({parts})"


class Phases:
    """Where the time goes."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._done: list[tuple[str, float]] = []

    @property
    def all_s(self) -> float:
        """Give the seconds since the first began."""
        return time.monotonic() - self._began

    def ended(self, name: str) -> tuple[tuple[str, float], ...]:
        """Note that a phase ended just now; gives all so far."""
        now = time.monotonic()
        self._done.append((name, now - self._last))
        self._last = now
        return tuple(self._done)


class Driver:
    """Bring faults onto a stage, one by one.

    Args:
        stage: with at least one worker that is ready.
        say: told what is going on.
    """

    def __init__(self, stage: Stage, say: Callable[[str], object] = lambda _: None) -> None:
        self._stage = stage
        self._say = say
        self._checks = Checks()
        self._served = Served()
        self._phases = Phases()
        self._models = ModelCheck()
        self._reader = Reader(stage.bootstrap, stage.topics, CHECKED, self._take)

    def run(self, planned: Planned) -> Staged:
        """Stage one fault and check everything."""
        self._phases = Phases()
        done = self._run(planned)
        return replace(done, took_s=self._phases.all_s, phases=self._phases.ended("checks"))

    def _run(self, planned: Planned) -> Staged:
        fault, random, stage = planned.fault, planned.random, self._stage
        first = whole = None
        try:
            stage.adjust(planned.workers)
            stage.load.resume()
            time.sleep(planned.calm_s)  # the moment, not a wait
            self._phases.ended("calm")
            fault.harm(stage, random)
            fault.mend(stage, random)
            self._phases.ended("harm")
            first, whole = self._recovery()
            self._settle()
            wrong_models = self._models.check(stage)
            verdict = self._checks.verdict()
        except (HungError, AssertionError, RefusedError) as error:
            return Staged(fault.name, Verdict(), first, whole, hung=str(error))  # what is missing is told later
        doubled = verdict.doubled
        if verdict.repeats and not fault.excused:
            doubled = (*doubled, f"{verdict.repeats} slates written again")
        verdict = replace(verdict, doubled=doubled).with_mismatches(wrong_models)
        return Staged(fault.name, verdict, first, whole)

    @property
    def oracle(self) -> Oracle:
        """Give what knows what must be there."""
        return self._checks.oracle

    def positions(self) -> Mapping[TopicName, Mapping[int, int]]:
        """Give how far each partition of each topic was read."""
        return {name: self._reader.position(name) for name in CHECKED}

    def read_again(self) -> Verdict:
        """Read everything once more from the beginning and check all of it, the model with it."""
        checks, models = Checks(), ModelCheck()

        def take(topic: TopicName, records: Sequence[LogRecord]) -> None:
            checks.take(topic, records)
            models.take(topic, records)

        reader = Reader(self._stage.bootstrap, self._stage.topics, CHECKED, take)
        try:
            reader.read_to_end(120)
        finally:
            reader.close()
        return replace(checks.verdict(), repeats=0, rewritten=0).with_mismatches(models.check(self._stage))

    def close(self) -> None:
        """Disconnect."""
        self._reader.close()

    def _take(self, topic: TopicName, records: Sequence[LogRecord]) -> None:
        self._checks.take(topic, records)
        if topic == SLATES:
            self._served.take(records)
        self._models.take(topic, records)

    def _recovery(self) -> tuple[float, float]:
        began, bar = time.monotonic(), self._stage.load.ends()
        first = self._until(lambda: self._served.any_beyond(bar), "a slate", began)
        return first, self._until(lambda: self._served.all_beyond(bar), "slates of every partition", began)

    def _until(self, done: Callable[[], bool], what: str, began: float) -> float:
        while not done():
            if time.monotonic() - began > RECOVERS_WITHIN_S:
                raise HungError(f"no {what} within {RECOVERS_WITHIN_S:.0f} s\n{self._stage.logs()}")
            self._reader.poll(0.05)
        return time.monotonic() - began

    def _settle(self) -> None:
        """Stop the load, wait until nothing is left to do, read all there is."""
        stage, ended = self._stage, self._phases.ended
        ended("recovery")
        stage.wait_ready(RECOVERS_WITHIN_S)
        ended("ready")
        stage.load.pause()
        ended("flush")
        stage.wait(lambda: stage.lag() == 0, "no lag", RECOVERS_WITHIN_S)
        ended("lag")
        self._reader.read_to_end()
