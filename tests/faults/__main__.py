"""`make faults`: a seeded plan of faults on Apache Kafka itself, and whether anything was lost or doubled by them."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from models.warm_up import warm_up
from schemas.errors import RefusedError
from tests.faults.alone import ALONE, Alone, run_alone
from tests.faults.fault import Fault
from tests.faults.plan import make_plan
from tests.faults.registry import KINDS
from tests.faults.report import Report
from tests.faults.run import run
from tests.faults.stage import open_stage

Named = TypeVar("Named", Fault, Alone)

LONG = 200
RATE = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 when anything was lost, doubled, mismatched or hung."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=LONG, help=f"how many; {LONG} by default")
    parser.add_argument("--only", action="append", default=[], help="kinds whose name contains this")
    parser.add_argument("--rate", type=float, default=RATE, help="events a second")
    parser.add_argument("--out", type=Path, help="write the table to this file, too")
    parser.add_argument("--json", action="store_true", help="the last line is JSON")
    given = parser.parse_args(arguments)
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `aisle` does; children inherit it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends as Ctrl-C does: nothing is left running
    kinds = _wanted(KINDS, given.only)
    alone = _wanted(ALONE, given.only) if given.only or given.faults >= LONG else []
    plan = make_plan(kinds, seed=given.seed, faults=given.faults) if kinds else []
    warm_up()  # compiled once, before anything is timed
    try:
        report = Report()
        if plan:
            with open_stage(seed=given.seed, rate=given.rate, progress=console.log) as stage:
                report = run(plan, stage, console)
        for fault in alone:
            console.log(f"{fault.name}, on a stage of its own")
            report.staged.append(run_alone(fault, seed=given.seed, rate=given.rate, progress=console.log))
    except RefusedError as error:
        console.print(str(error))
        return 1
    tell(report, given.out, json=given.json)
    return 0 if report.exact else 1


def _wanted(kinds: Sequence[Named], only: Sequence[str]) -> list[Named]:
    return [kind for kind in kinds if not only or any(name in kind.name for name in only)]


def tell(report: Report, out: Path | None, *, json: bool) -> None:
    """Print the table, what is wrong, and the line for machines."""
    console = Console(width=160)
    console.print(report.table())
    for finding in report.findings():
        console.print(finding, markup=False)
    if out is not None:
        with out.open("w") as file:
            Console(file=file, width=160).print(report.table())
    if json:
        sys.stdout.write(report.last_line() + "\n")


if __name__ == "__main__":
    sys.exit(main())
