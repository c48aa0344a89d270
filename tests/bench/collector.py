"""`make bench-collector`: events a second that one gateway on one core takes, acknowledged by real Kafka."""

import argparse
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from conditions import Stolen, conditions
from processes import OUTPUT, Child, cpu_s
from real import real
from rich.console import Console
from rich.table import Table

from schemas.topics import Topics
from streams.brokers.ladder import climb
from streams.settings import Settings

HERE = Path(__file__).parent
CORE = 0
SHAPES = ((100, 8), (1, 32))
"""Events in one request, and connections."""

WARM_UP_S = 5
# Pinned before anything is imported: threads inherit it.
_PINNED = f"import os; os.sched_setaffinity(0, {{{CORE}}}); "
_GATEWAY = _PINNED + "from streams.cli.main import main; main(['gateway'])"
_ADDRESS = re.compile(r"on http://127\.0\.0\.1:(\d+)")


def listens(folder: Path) -> bool:
    """Look for the address in what the gateway wrote."""
    return _ADDRESS.search((folder / OUTPUT).read_text(errors="replace")) is not None


@contextmanager
def gateway(environment: Mapping[str, str]) -> Iterator[tuple[Child, int]]:
    """Run a gateway pinned to one core; gives it and its port."""
    settings = {"AISLE_GATEWAY_PORT": "0", "AISLE_GATEWAY_SECURE_COOKIE": "0", "AISLE_GATEWAY_SECRETS": "s" * 32}
    rates = {"AISLE_GATEWAY_RATE": "1e6", "AISLE_GATEWAY_ADDRESS_RATE": "1e6"}  # all browsers share an address here
    with Child(["-c", _GATEWAY], {**environment, **settings, **rates}, ready=listens) as child:
        child.wait_ready()
        found = _ADDRESS.search(child.said())
        port = int(found.group(1)) if found else 0
        deadline = time.monotonic() + 30
        while httpx.get(f"http://127.0.0.1:{port}/readyz").status_code != 200:
            if time.monotonic() > deadline:
                raise SystemExit("the gateway does not become ready")
            time.sleep(0.1)
        yield child, port


def measure(child: Child, port: int, shape: tuple[int, int], seconds: float) -> dict[str, float]:
    """Let browsers send for so long; gives what came of it, and the gateway's share of its core."""
    events, connections = shape
    before_s, began, stolen = cpu_s(child.pid), time.monotonic(), Stolen()
    options = {"port": port, "connections": connections, "events": events, "seconds": seconds}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with Child([str(HERE / "page_load.py"), *words]) as load:
        result: dict[str, float] = json.loads(load.result(seconds + 60))
    spent_s = cpu_s(child.pid) - before_s
    return result | {
        "events": events, "connections": connections, "cpu": spent_s / (time.monotonic() - began),
        "cpu_us_per_event": spent_s * 1e6 / (result["requests"] * events), "stolen": stolen.share(),
    }  # fmt: skip


def show(rows: Sequence[Mapping[str, float]], console: Console) -> None:
    """Print what was measured."""
    table = Table()
    for title in ("events/request", "connections", "events/s", "p50 ms", "p99 ms", "CPU", "us/event", "stolen"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(
            f"{row['events']}", f"{row['connections']}", f"{row['events_per_s']:,.0f}", f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}", f"{row['cpu']:.0%}", f"{row['cpu_us_per_event']:.0f}", f"{row['stolen']:.0%}",
        )  # fmt: skip
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each shape")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    load_before = os.getloadavg()[0]
    with real(climb("auto", Settings())) as broker:
        topics = Topics(prefix="bench-collector.", partitions=8)
        broker.create_topics(topics)
        where = conditions(broker, load_before) | {"gateway": f"pinned to core {CORE}, 8 partitions, acks=all"}
        with gateway({**broker.environment, "AISLE_TOPIC_PREFIX": topics.prefix}) as (child, port):
            measure(child, port, (20, 8), WARM_UP_S)
            rows = [measure(child, port, shape, given.seconds) for shape in SHAPES]
        broker.delete_topics(topics.prefix)
    where["load average after"] = f"{os.getloadavg()[0]:.2f}"
    if given.json:
        print(json.dumps({"conditions": where, "rows": rows}))  # noqa: T201
        return
    console = Console()
    for name, value in where.items():
        console.print(f"{name}: {value}")
    show(rows, console)


if __name__ == "__main__":
    main()
