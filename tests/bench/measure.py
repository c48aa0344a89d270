"""Bring a job up on fresh topics, send it events, and take its figures."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from meter import Appended, Latency, Meter, Seen, spread
from processes import HERE, Child, cpu_s
from stage import Stage
from tape import Taped

from schemas.topics import EVENTS, SLATES

PATIENCE_S = 3.0
"""A job that has not answered everything so long after the last event has not held the rate."""


class Sent(NamedTuple):
    """A stretch of the tape as it was sent: when it began, whether all of it was answered, CPU seconds meanwhile."""

    first: int
    events: int
    rate: float
    began_ns: int
    held: bool
    job_cpu_s: float
    broker_cpu_s: float


class Figures(NamedTuple):
    """One job at one rate in one round.

    `append` counts from the broker's append of the event to its append of the slate, `client` from when the event was
    due to when the slate was read; CPU seconds are per 1,000 slates.
    """

    job: str
    rate: float
    held: bool
    events: int
    slates: int
    append: Latency
    client: Latency
    job_cpu_s: float
    broker_cpu_s: float


class Search(NamedTuple):
    """Where to look for the highest rate held for so many seconds."""

    start: float
    highest: float
    tries: int
    seconds: float


@dataclass
class Visit:
    """One job, up and running on topics of its own, with a meter on its slates."""

    job: str
    stage: Stage
    tape: Sequence[Taped]
    child: Child
    meter: Meter
    sent: list[Sent] = field(default_factory=list)
    done: int = 0

    def send(self, rate: float, seconds: float) -> Sent:
        """Send the next events at a rate, then wait, but not for long, until they are answered."""
        count = int(rate * seconds)
        pids = (self.child.pid, self.stage.broker.pid)
        before = [cpu_s(pid) if pid else 0.0 for pid in pids]
        began_ns = load(self.stage, self.done, count, rate)
        first, self.done = self.done, self.done + count
        held = self.drain(PATIENCE_S)
        self.child.check()
        job, broker = (cpu_s(pid) - was if pid else 0.0 for pid, was in zip(pids, before, strict=True))
        self.sent.append(Sent(first, count, rate, began_ns, held, job, broker))
        return self.sent[-1]

    def drain(self, patience_s: float) -> bool:
        """Wait until everything that was sent is answered; False when it is not."""
        owed = sum(taped.slates for taped in self.tape[: self.done])
        return self.meter.wait(owed, until=time.monotonic() + patience_s)

    def figures(self, settle_s: float) -> list[Figures]:
        """Work out each stretch, without its first seconds."""
        appended = Appended(self.stage.broker.bootstrap, self.stage.topics[EVENTS], self.tape[: self.done])
        numbered = [(appended.number(seen), seen) for seen in self.meter.seen]
        return [self._figures(sent, numbered, appended, settle_s) for sent in self.sent]

    def _figures(
        self, sent: Sent, numbered: Sequence[tuple[int, Seen]], appended: Appended, settle_s: float
    ) -> Figures:
        whole = range(sent.first, sent.first + sent.events)
        counted = whole[int(sent.rate * settle_s) :]
        seen = [(number, one) for number, one in numbered if number in counted]
        thousands = max(1, sum(number in whole for number, _ in numbered)) / 1000
        due = {number: sent.began_ns + (number - sent.first) / sent.rate * 1e9 for number in counted}
        return Figures(
            job=self.job,
            rate=sent.rate,
            held=sent.held,
            events=len(counted),
            slates=len(seen),
            append=Latency.of(spread([one.appended_ms - appended.at_ms(one) for _, one in seen])),
            client=Latency.of([(one.consumed_ns - due[number]) / 1e6 for number, one in seen]),
            job_cpu_s=sent.job_cpu_s / thousands,
            broker_cpu_s=sent.broker_cpu_s / thousands,
        )


@contextlib.contextmanager
def visit(job: str, stage: Stage, tape: Sequence[Taped]) -> Iterator[Visit]:
    """Start a job and a meter on its slates, and end both."""
    topics = stage.topics
    with stage.start(job) as child, Meter(stage.broker.bootstrap, topics[SLATES], topics.partitions) as meter:
        child.wait_ready()
        yield Visit(job, stage, tape, child, meter)


def latency(
    job: str, stage: Stage, tape: Sequence[Taped], rates: Sequence[int], window: tuple[float, float]
) -> list[Figures]:
    """Measure a job at rising rates, up to the first that it does not hold; `window` is (settle, counted) seconds."""
    with visit(job, stage, tape) as one:
        for rate in rates:
            if not one.send(rate, sum(window)).held:
                break
        return one.figures(window[0])


def catch_up(job: str, stage: Stage, tape: Sequence[Taped], backlog: int, patience_s: float) -> float:
    """Measure how fast a job that is up works through events that come all at once.

    Returns:
        events a second, from the append of the first event to the append of the last slate; 0 if it does not finish.
    """
    with visit(job, stage, tape) as one:
        load(stage, 0, backlog, 0)
        one.done = backlog
        one.drain(patience_s)
        one.child.check()
        if len(one.meter.seen) < sum(taped.slates for taped in tape[:backlog]):
            return 0.0
        appended = Appended(stage.broker.bootstrap, stage.topics[EVENTS], tape[:backlog])
        first_ms = min(appended.at_ms(seen) for seen in one.meter.seen)
        return backlog / ((max(seen.appended_ms for seen in one.meter.seen) - first_ms) / 1000)


def hold(job: str, stage: Stage, tape: Sequence[Taped], search: Search) -> list[Sent]:
    """Look for the highest rate that is held: up a fifth after success, down a fifth after failure, then between."""
    with visit(job, stage, tape) as one:
        one.send(100, 3)  # the first batches of a new process are no rate's fault
        one.sent.clear()
        for _ in range(search.tries):
            rate = min(next_rate(one.sent) if one.sent else search.start, search.highest)
            if any(sent.held and sent.rate >= rate for sent in one.sent):
                break
            if not one.send(rate, search.seconds).held and not one.drain(60):
                break
        return one.sent


def next_rate(tried: Sequence[Sent]) -> float:
    """Choose the next rate to try.

    >>> sent = Sent(0, 1, 1000.0, 0, True, 0.0, 0.0)
    >>> failed = sent._replace(rate=1200.0, held=False)
    >>> next_rate([sent]), next_rate([failed]), next_rate([sent, failed])
    (1200.0, 960.0, 1100.0)
    """
    best = max((sent.rate for sent in tried if sent.held), default=None)
    worst = min((sent.rate for sent in tried if not sent.held), default=None)
    if best is None or worst is None:
        return float(round(1.2 * best if best else 0.8 * (worst or 0)))
    return float(round((best + worst) / 2))


def load(stage: Stage, first: int, count: int, rate: float) -> int:
    """Send a stretch of the tape, rate 0 as fast as the broker takes it; gives when it began in ns since 1970."""
    with loading(stage, first, count, rate) as sender:
        return int(json.loads(sender.result(60 + count / (rate or 500)))["began_ns"])


def loading(stage: Stage, first: int, count: int, rate: float) -> Child:
    """Start to send a stretch of the tape."""
    command = [str(HERE / "load.py"), "--bootstrap", stage.broker.bootstrap, "--topic", stage.topics[EVENTS]]
    command += ["--tape", str(stage.files.tape), "--first", str(first), "--count", str(count), "--rate", str(rate)]
    return Child(command)
