"""`make soak`: a worker at half its capacity for a long time; memory, file handles, lag and latency have to stay flat.

Prints a table, writes it to docs/soak.md, and exits with 1 when a figure grew beyond its bound.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from aisle_worker import ask
from conditions import conditions
from handler import PRODUCT_COUNT
from measure import catch_up, load, loading
from meter import Latency, Meter, spread
from processes import HERE, Child, descendants, open_files, rss_bytes
from real import real
from rich.console import Console
from shop import GAP, Visitors, products
from soak_report import Minute, judge, render
from stage import AISLE, Files, Stage
from taken import Taken
from tape import write_tape
from telling import tell

from schemas.errors import RefusedError
from schemas.events import Event
from schemas.topics import EVENTS, SLATES
from streams.brokers import Broker, open_broker
from streams.settings import Settings

DOCUMENT = HERE.parent.parent / "docs" / "soak.md"
PARTITIONS = 8
BACKLOG = 4_000
"""Events by which the capacity is measured."""

SAMPLE_S = 2.0
PATIENCE_S = 120.0

LATE_S = 30.0
"""A slate that is not there so long after the last event is counted as missing."""


class Soak:
    """One run.

    Args:
        broker: real Kafka.
        files: where to keep the tape.
        minutes: how long.
        say: told what is going on.
    """

    def __init__(self, broker: Broker, files: Files, minutes: float, say: Callable[[str], object]) -> None:
        self._broker = broker
        self._files = files
        self._say = say
        self._stretch_s = min(60.0, minutes * 60 / 8)
        self._stretches = round(minutes * 60 / self._stretch_s)
        self._owed = self._seen = 0
        self._at_ms: dict[tuple[int, int], int] = {}
        self._visitors: Visitors

    def capacity(self) -> float:
        """Measure how many events a second a worker works through."""
        self._say("Measuring the capacity")
        self._begin(BACKLOG)
        with Stage.build(self._broker, PARTITIONS, self._files) as stage:
            tape = write_tape(self._files.tape, self._events(BACKLOG), PARTITIONS)
            found = catch_up(AISLE, stage, tape, BACKLOG, 300)
        if not found:
            raise RefusedError(f"The worker did not work through {BACKLOG} events within five minutes: give a --rate.")
        return found

    def run(self, rate: float) -> list[Minute]:
        """Send events at a rate, and look at the worker meanwhile."""
        count = int(rate * self._stretch_s)
        self._begin(count * (self._stretches + 1))
        with (
            Stage.build(self._broker, PARTITIONS, self._files) as stage,
            stage.start(AISLE) as worker,
            Meter(self._broker.bootstrap, stage.topics[SLATES], PARTITIONS) as meter,
            Taken(self._broker.bootstrap, stage.topics[EVENTS], PARTITIONS) as taken,
        ):
            worker.wait_ready()
            self._say(f"Sending {rate:.0f} events/s, a first stretch that is not counted")
            tape = write_tape(self._files.tape, self._events(count), PARTITIONS)
            load(stage, 0, count, rate)
            if not meter.wait(sum(taped.slates for taped in tape), until=time.monotonic() + PATIENCE_S):
                raise RefusedError("The worker did not keep up with the first stretch: choose a lower --rate.")
            taken.read(count)
            meter.seen.clear()
            return [self._stretch(number, stage, worker, meter, taken, rate) for number in range(self._stretches)]

    def _stretch(self, number: int, stage: Stage, worker: Child, meter: Meter, taken: Taken, rate: float) -> Minute:
        count = int(rate * self._stretch_s)
        tape = write_tape(self._files.tape, self._events(count), PARTITIONS)
        self._owed += sum(taped.slates for taped in tape)
        pid, samples, lags = descendants(worker.pid)[-1], [], []
        sessions = self._visitors.arrived
        with loading(stage, 0, count, rate) as sender:
            while sender.running:
                samples.append((rss_bytes(pid), open_files(pid)))
                lags.append(_lag(worker))
                time.sleep(SAMPLE_S)
            sender.result(10)
        last = number == self._stretches - 1
        meter.wait(self._owed - self._seen, until=time.monotonic() + (LATE_S if last else 0))
        worker.check()
        seen, meter.seen = meter.seen, []
        self._seen += len(seen)
        self._at_ms |= taken.read(count)
        waits = Latency.of(spread([one.appended_ms - self._at_ms[one[:2]] for one in seen if one[:2] in self._at_ms]))
        memory, handles = (np.array(column) for column in zip(*samples, strict=True))
        minute = Minute(
            number=number + 1, seconds=self._stretch_s, events=count, sessions=sessions,
            memory=float(np.median(memory)), handles=int(handles.max()), lag=float(np.median(lags)),
            p50_ms=waits.p50, p99_ms=waits.p99, unanswered=self._owed - self._seen,
        )  # fmt: skip
        self._say(f"{number + 1} of {self._stretches}: {minute.memory / 1e6:.0f} MB, p99 {minute.p99_ms:.0f} ms")
        return minute

    def _begin(self, events: int) -> None:
        """Let the shop's clock end now: events lie in the past, and no further than they have to."""
        self._visitors = Visitors(products(PRODUCT_COUNT), datetime.now(UTC) - timedelta(hours=1) - events * GAP)

    def _events(self, count: int) -> Sequence[Event]:
        return list(self._visitors.events(count))


def _lag(worker: Child) -> int:
    partitions = json.loads(ask(worker.folder, "/progress") or '{"partitions":{}}')["partitions"].values()
    return sum(max(0, at["end"] - at["mark"] - 1) for at in partitions)


def _number(value: float) -> float | None:
    """Write what JSON has no word for, a latency without any slate, as null."""
    return value if math.isfinite(value) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 when something grew, or with a sentence when there is no real Kafka."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--rate", type=float, help="events a second; half of the capacity, which is measured, if absent"
    )
    parser.add_argument("--broker", default="auto", choices=("auto", "external", "docker", "maven"))
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="the document that is written")
    given = parser.parse_args(arguments)
    console = Console(stderr=True)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `aisle` does; children inherit it
    load_before = os.getloadavg()[0]
    try:
        with open_broker(given.broker, Settings(), console.log) as broker, Files.temporary() as files:
            where = conditions(real(broker), load_before)
            soak = Soak(broker, files, given.minutes, console.log)
            if given.rate is None:
                capacity = soak.capacity()
                where["capacity, measured before"] = f"{capacity:,.0f} events/s"
            rate = given.rate or capacity / 2
            minutes = soak.run(rate)
    except RefusedError as error:
        console.print(str(error))
        return 1
    verdicts = judge(minutes)
    render(
        minutes,
        verdicts,
        where | {"rate": f"{rate:,.0f} events/s, {'measured' if given.rate is None else 'given'}"},
        given.out,
    )
    found = {one.what: {"first": _number(one.first), "last": _number(one.last), "flat": one.flat} for one in verdicts}
    tell(json.dumps(found))
    return 0 if all(one.flat for one in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
