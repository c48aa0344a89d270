"""`make judge-faults`: slates under load while the language model fails in every way, beside runs without one.

Interleaved pairs on real Kafka; prints medians with their spread, counts what was lost or wrong, and exits with 1 when
something was, or when the fast path got slower than its bounds.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from conditions import conditions
from handler import PRODUCT_COUNT
from judged_run import WARM_S, Run, run
from real import real
from rich.console import Console
from rich.table import Table
from shop import products
from stage import Files, Stage
from tape import write_tape
from telling import tell

from schemas.errors import RefusedError
from schemas.events import Event
from schemas.record import epoch_ms
from streams.brokers import Broker, open_broker
from streams.demo.shoppers import Crowd
from streams.demo.taste import hidden_truth
from streams.settings import Settings

PARTITIONS = 4
MOST_P50, MOST_P99 = 1.10, 1.50
"""How much slower the fast path may be, as ratios of medians."""

QUEUE = 256

STEP_MS = 50


def measure(broker: Broker, pairs: int, rate: float, seconds: float, console: Console) -> list[Run]:
    """Take turns, beginning with the other one in every pair."""
    runs = []
    for number in range(pairs):
        for judged in (number % 2 == 0, number % 2 == 1):
            console.log(f"pair {number + 1} of {pairs}: {'with a failing judge' if judged else 'without'}")
            count = int(rate * (WARM_S + seconds))
            with Files.temporary() as files, Stage.build(broker, PARTITIONS, files) as stage:
                tape = write_tape(files.tape, _events(count, rate), PARTITIONS)
                runs.append(run(stage, tape, rate, seconds, judged=judged))
    return runs


def _events(count: int, rate: float) -> list[Event]:
    """Let the demo's shoppers shop from now on: they look for themselves and for the kids, come back, and buy."""
    shop = products(PRODUCT_COUNT)
    crowd = Crowd(shop, hidden_truth(shop, 1), seed=1, rate=rate)
    at_ms, events = epoch_ms(datetime.now(UTC)), list[Event]()
    while len(events) < count:
        at_ms += STEP_MS
        events.extend(one.event for one in crowd.advance(at_ms))
    return events[:count]


def verdicts(runs: Sequence[Run]) -> dict[str, bool]:
    """Hold the runs against what was promised."""
    with_it, without = ([one for one in runs if one.judged is judged] for judged in (True, False))

    def ratio(of: str) -> float:
        return median(getattr(one.append, of) for one in with_it) / median(getattr(one.append, of) for one in without)

    return {
        "every triggering event has its slate": all(one.owed == one.answered for one in runs),
        "no invalid slate or table": not any(one.invalid for one in runs),
        "no exception in the logs": not any(one.said for one in runs),
        f"the queue stays below {QUEUE}": all(one.waiting <= QUEUE for one in runs),
        f"p50 within {MOST_P50} (is {ratio('p50'):.2f})": ratio("p50") <= MOST_P50,
        f"p99 within {MOST_P99} (is {ratio('p99'):.2f})": ratio("p99") <= MOST_P99,
    }


def show(runs: Sequence[Run], console: Console) -> None:
    """Print every run, and the faults that were met."""
    head = ("judge", "p50 ms", "p99 ms", "slates", "owed", "revisions", "calls", "queue", "MB grown")
    table = Table(*head, title="Slates under load, with a failing judge and without")
    for one in runs:
        calls = sum(one.faults.values())
        figures = (one.answered, one.owed, one.revised, calls, f"{one.waiting:.0f}", f"{one.grown:.0f}")
        latency = (f"{one.append.p50:.1f}", f"{one.append.p99:.1f}")
        table.add_row("failing" if one.judged else "none", *latency, *map(str, figures))
    console.print(table)
    met = sum((one.faults for one in runs), Counter[str]())
    console.print("calls by what became of them:", ", ".join(f"{name} {count}" for name, count in met.most_common()))
    for one in runs:
        for line in (*one.said[:5], *(f"invalid: {what} {count}" for what, count in one.invalid.items())):
            console.print(line)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 when something is not as promised, or with a sentence when there is no real Kafka."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200, help="events a second")
    parser.add_argument("--broker", default="auto", choices=("auto", "external", "docker", "maven"))
    given = parser.parse_args(arguments)
    console = Console(stderr=True)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `aisle` does; children inherit it
    load_before = os.getloadavg()[0]
    try:
        with open_broker(given.broker, Settings(), console.log) as broker:
            where = conditions(real(broker), load_before)
            runs = measure(broker, given.pairs, given.rate, given.seconds, console)
    except RefusedError as error:
        console.print(str(error))
        return 1
    show(runs, console)
    found = verdicts(runs)
    for what, fine in found.items():
        console.print(f"{'yes' if fine else 'NO '}  {what}")
    figures = [one._asdict() | {"append": one.append._asdict()} for one in runs]
    tell(json.dumps({"conditions": where, "verdicts": found, "runs": figures}))
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
