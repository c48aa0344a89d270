"""`make bench`: aisle beside a bare librdkafka hop, a bare aiokafka loop and stock Faust, on one broker, taking turns.

Prints tables and writes them to docs/benchmarks.md. `--quick` takes seconds per figure and proves that it works.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import measure
from conditions import conditions
from plan import FASTEST, QUICK, Plan
from processes import HERE, Child
from real import real
from report import Results, render
from rich.console import Console
from shop import Visitors, products
from stage import AISLE, JOBS, Files, Stage
from tape import Taped, write_tape

from schemas.errors import RefusedError
from streams.brokers import Broker, open_broker
from streams.settings import Settings

DOCUMENT = HERE.parent.parent / "docs" / "benchmarks.md"


class Bench:
    """One run: everything that is measured, in order.

    Args:
        plan: how much.
        broker: real Kafka.
        files: where to keep what is prepared.
        say: told what is going on.
    """

    def __init__(self, plan: Plan, broker: Broker, files: Files, say: Callable[[str], object]) -> None:
        self._plan = plan
        self._broker = broker
        self._files = files
        self._say = say
        self._tape: list[Taped] = []

    def run(self) -> Results:
        """Measure everything."""
        self._prepare()
        profile = self._profile()
        memory = {what: self._memory(what, profile) for what in ("products", "sessions", "model")}
        kernels = self._kernels()
        self._warm_up()
        figures = self._latencies()
        catch_up = {job: self._catch_up(job) for job in (*JOBS, AISLE)}
        return Results(profile, memory, figures, catch_up, self._hold(0.8 * catch_up[AISLE]), kernels)

    def _prepare(self) -> None:
        self._say("Preparing events")
        start = datetime.now(UTC) - timedelta(hours=6)
        visitors = Visitors(products(3_000), start)
        write_tape(self._files.past, visitors.events(self._plan.past), self._plan.partitions)
        self._tape = write_tape(self._files.tape, visitors.events(self._plan.tape), self._plan.partitions)

    def _profile(self) -> dict[str, Any]:
        self._say("CPU by part, in process")
        plan, files = self._plan, self._files
        return self._script(
            "cpu.py", "--tape", files.past, "--partitions", plan.partitions, "--history-events", plan.history,
            "--events", plan.profiled, "--history", files.history, "--answers", files.answers,
        )  # fmt: skip

    def _memory(self, what: str, profile: dict[str, Any]) -> float:
        self._say(f"Memory of {what}")
        done = self._script(
            "memory.py", "--what", what, "--history", self._files.history, "--state-bytes", int(profile["state_bytes"])
        )
        return float(done["bytes"])

    def _kernels(self) -> dict[str, Any]:
        self._say("The engine itself: learning, deciding, memory")
        plan = self._plan
        return self._script(
            "kernels.py", "--json", "--products", plan.kernel_products, "--events", plan.kernel_events,
            "--decisions", plan.kernel_decisions,
        )  # fmt: skip

    def _warm_up(self) -> None:
        self._say("Warming the broker up")
        with Stage.build(self._broker, self._plan.partitions, self._files) as stage:
            measure.latency("floor", stage, self._tape, (500,), (0.0, self._plan.warm_s))

    def _latencies(self) -> list[measure.Figures]:
        figures: list[measure.Figures] = []
        for number in range(self._plan.rounds):
            for job in ("floor", "aiokafka", "faust", AISLE):
                self._say(f"Latency, round {number + 1} of {self._plan.rounds}: {job}")
                window = (self._plan.settle_s, self._plan.window_s)
                with Stage.build(self._broker, self._plan.partitions, self._files) as stage:
                    figures += measure.latency(job, stage, self._tape, self._plan.rates, window)
        return figures

    def _catch_up(self, job: str) -> float:
        self._say(f"Catching up: {job}")
        with Stage.build(self._broker, self._plan.partitions, self._files) as stage:
            return measure.catch_up(job, stage, self._tape, self._plan.backlog, 90)

    def _hold(self, start: float) -> list[measure.Sent]:
        plan = self._plan
        self._say("The highest rate held")
        with Stage.build(self._broker, plan.partitions, self._files) as stage:
            search = measure.Search(start, FASTEST, plan.hold_tries, plan.hold_s)
            return measure.hold(AISLE, stage, self._tape, search)

    def _script(self, name: str, *arguments: object) -> dict[str, Any]:
        with Child([str(HERE / name), *map(str, arguments)]) as child:
            return dict(json.loads(child.result(300)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 with a sentence when there is no real Kafka to run it on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seconds per figure: to see that it works")
    parser.add_argument("--broker", default="auto", choices=("auto", "external", "docker", "maven"))
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="the document that is written")
    given = parser.parse_args(arguments)
    console = Console(stderr=True)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `aisle` does; children inherit it
    load_before, began = os.getloadavg()[0], time.monotonic()
    plan = QUICK if given.quick else Plan()
    try:
        with open_broker(given.broker, Settings(), console.log) as broker, Files.temporary() as files:
            where = conditions(real(broker), load_before)
            results = Bench(plan, broker, files, console.log).run()
    except RefusedError as error:
        console.print(str(error))
        return 1
    render(results, plan, where | {"took": f"{time.monotonic() - began:.0f} s"}, given.out, quick=given.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
