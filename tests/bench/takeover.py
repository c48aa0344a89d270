"""`make takeover`: how long a worker takes to start, to take over, to be restarted, and what a backlog costs it.

Prints a table and writes it to docs/takeover.md; the last line is JSON. `--quick` takes a tenth of everything.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from conditions import conditions
from processes import HERE
from real import real
from rich.console import Console
from stage import Files
from takeover_parts import Parts
from takeover_report import figures, render
from takeover_scale import Scale
from telling import tell

from schemas.errors import RefusedError
from streams.brokers import open_broker
from streams.settings import Settings

DOCUMENT = HERE.parent.parent / "docs" / "takeover.md"
QUICK = Scale(visitors=100_000, taken_over=10_000, backlog=5_000, backlog_s=10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 with a sentence when there is no real Kafka to do it on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: to see that it works")
    parser.add_argument("--visitors", type=int, help="whose states are restored")
    parser.add_argument("--only", choices=("start", "takeover", "rolling", "backlog"), action="append")
    parser.add_argument("--broker", default="auto", choices=("auto", "external", "docker", "maven"))
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="the document that is written")
    given = parser.parse_args(arguments)
    console = Console(stderr=True)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `aisle` does; children inherit it
    load_before, began = os.getloadavg()[0], time.monotonic()
    scale = QUICK if given.quick else Scale()
    if given.visitors:
        scale = replace(scale, visitors=given.visitors)
    try:
        with open_broker(given.broker, Settings(), console.log) as broker, Files.temporary() as files:
            where = conditions(real(broker), load_before)
            results = Parts(scale, broker, files, console.log).run(given.only)
    except RefusedError as error:
        console.print(str(error))
        return 1
    render(results, where | {"took": f"{time.monotonic() - began:.0f} s"}, given.out, short=given.quick)
    tell(json.dumps({figure.key: figure.value for figure in figures(results)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
