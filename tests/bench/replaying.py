"""`make bench-replay`: how fast `aisle replay` goes beside a worker that catches up with the same events.

Prints one JSON line: events a second of both, and their ratio; `--profile FILE` samples the replay with py-spy.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import measure
from plan import Plan
from processes import HERE, Child
from rich.console import Console
from shop import Visitors, products
from stage import AISLE, Files, Stage
from tape import Taped, write_tape
from telling import tell

from streams.brokers import open_broker
from streams.settings import Settings


def prepare(plan: Plan, files: Files) -> list[Taped]:
    """Make the events, and the history that the model has learned from before."""
    visitors = Visitors(products(3_000), datetime.now(UTC) - timedelta(hours=6))
    write_tape(files.past, visitors.events(plan.past), plan.partitions)
    arguments = [
        "--tape", files.past, "--partitions", plan.partitions, "--history-events", plan.history,
        "--events", plan.profiled, "--history", files.history, "--answers", files.answers,
    ]  # fmt: skip
    with Child([str(HERE / "cpu.py"), *map(str, arguments)]) as child:
        child.result(600)
    return write_tape(files.tape, visitors.events(plan.tape), plan.partitions)


def catch_up(stage: Stage, tape: Sequence[Taped]) -> tuple[datetime, float]:
    """Let a worker work everything through; gives when the events began to come, and events a second."""
    with measure.visit(AISLE, stage, tape) as one:
        began = datetime.now(UTC)
        began_ns = measure.load(stage, 0, len(tape), 0)
        one.done = len(tape)
        if not one.drain(300):
            raise SystemExit(f"the worker did not finish: {one.child.said()[-2000:]}")
        last_ms = max(seen.appended_ms for seen in one.meter.seen)
    return began, len(tape) / (last_ms / 1000 - began_ns / 1e9)


def replay(stage: Stage, start: datetime, *, profile: Path | None) -> dict[str, Any]:
    """Replay what came from `start` on; gives what the command says."""
    command = [sys.executable, "-m", "streams.cli.main", "replay", "--from", start.isoformat(), "--json"]
    if profile is not None:
        command = [
            str(Path(sys.executable).with_name("py-spy")),
            "record",
            "-f",
            "raw",
            "-o",
            str(profile),
            "--",
            *command,
        ]
    environment = {
        **os.environ,
        **stage.broker.environment,
        "AISLE_TOPIC_PREFIX": stage.topics.prefix,
        "AISLE_PARTITIONS": str(stage.topics.partitions),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="auto", choices=("auto", "external", "docker", "maven"))
    parser.add_argument("--events", type=int, default=6_000)
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args(arguments)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    plan = Plan(backlog=given.events, rates=(), hold_tries=0, history=1_500, profiled=200)
    console = Console(stderr=True)
    with open_broker(given.broker, Settings(), console.log) as broker, Files.temporary() as files:
        console.log("Preparing events")
        tape = prepare(plan, files)
        with Stage.build(broker, plan.partitions, files) as stage:
            console.log("A worker catches up")
            start, caught_up = catch_up(stage, tape)
            console.log("A replay")
            found = replay(stage, start, profile=given.profile)
    figures = {
        "events": found["events"],
        "worker_events_per_s": round(caught_up, 1),
        "replay_events_per_s": found["events_per_s"],
        "ratio": round(found["events_per_s"] / caught_up, 3),
    }
    tell(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
