"""`make stock`: stock Faust and aisle's engine do the same job under the same faults, and what each lost is counted.

Prints a table and writes it into docs/operations.md, between its marks.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from schemas.errors import RefusedError
from streams.brokers import Broker, open_broker
from streams.settings import Settings
from tests.stock.conditions import conditions
from tests.stock.faults import FAULTS
from tests.stock.report import Row, block, replace_block, show
from tests.stock.run import ROOT, Run

DOCUMENT = ROOT / "docs" / "operations.md"


def stage(broker: Broker, seed: int, say: Callable[[str], object]) -> list[Row]:
    """Stage every fault under every engine."""
    rows = []
    for fault in FAULTS:
        for engine in fault.engines:
            say(f"{fault.name}: {engine.name}")
            with tempfile.TemporaryDirectory(prefix="aisle-stock-") as folder:
                run = Run(broker, Path(folder), engine, fault.load, seed=seed)
                rows.append(Row(fault, engine, run.work(fault.stage)))
            say(str(rows[-1].tally))
    return rows


def real(broker: Broker) -> Broker:
    """Pass a broker on that is Kafka itself.

    Raises:
        RefusedError: it is the embedded one.
    """
    if broker.kind == "embedded":
        raise RefusedError("Faults need real Kafka: set KAFKA_BOOTSTRAP_SERVERS, or install Java 17 and Maven.")
    return broker


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything; 1 with a sentence when there is no real Kafka to run it on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the visitors and of the times of faults")
    parser.add_argument("--broker", default="auto", choices=("auto", "external", "docker", "maven"))
    parser.add_argument("--json", action="store_true", help="end with one line for a script")
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="the document whose block is written")
    given = parser.parse_args(arguments)
    console = Console(stderr=True)
    began = time.monotonic()
    try:
        with open_broker(given.broker, Settings(), console.log) as broker:
            where = conditions(real(broker))
            rows = stage(broker, given.seed, console.log)
    except RefusedError as error:
        console.print(str(error))
        return 1
    where |= {"seed": str(given.seed), "took": f"{time.monotonic() - began:.0f} s"}
    show(rows, Console())
    given.out.write_text(replace_block(given.out.read_text(), block(rows, where)))
    if given.json:
        print(json.dumps({"seed": given.seed, "rows": [row.plain() for row in rows]}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
