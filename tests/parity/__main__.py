"""`make parity`: record simulated traffic on real Kafka with two workers, kill one half-way, prove every slate."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from schemas.errors import RefusedError
from streams.brokers import open_broker
from streams.past.case import Selection
from streams.past.reach import client_of
from streams.past.telling import print_report
from streams.past.verification import verify_past
from streams.runs.display import Bars
from streams.settings import Settings
from tests.installation import PARTITIONS, Installation
from tests.recording import EVIDENCE, JUDGED, Recording


def main() -> int:
    """Record, verify, and say what came of it; 0 when everything is equal."""
    parser = argparse.ArgumentParser(prog="make parity", description=__doc__)
    parser.add_argument("--slates", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=120.0, help="events per second")
    parser.add_argument("--products", type=int, default=2000)
    parser.add_argument("--broker", default="auto", help="external, docker, maven or auto; not the embedded one")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    given = parser.parse_args()
    with open_broker(given.broker, Settings(), progress=_say) as broker, tempfile.TemporaryDirectory() as folder:
        if broker.kind == "embedded":
            raise RefusedError(
                "The embedded broker drops what is to be proved: Java 17 and Maven, or Docker, or yours."
            )
        installation = Installation(broker, Path(folder))
        try:
            _record(installation, given)
            changes = {"topic_prefix": installation.prefix, "partitions": PARTITIONS, "data_dir": Path(folder)}
            settings = broker.settings.model_copy(update=changes)
            began = time.monotonic()
            with Bars() as bars:
                report = asyncio.run(verify_past(settings, client_of(settings), Selection(), watch=bars))
            seconds = time.monotonic() - began
        finally:
            installation.close()
            broker.delete_topics(installation.prefix)
    print_report(report)
    if given.json:
        sys.stdout.write(json.dumps(report.plain() | {"verified_in_s": round(seconds, 1)}) + "\n")
    return 0 if report.proven else 1


def _record(installation: Installation, given: argparse.Namespace) -> None:
    recording = Recording(installation, products=given.products, rate=given.rate)
    recording.open()
    for slot in ("one", "two"):
        installation.start(slot, **EVIDENCE, **JUDGED)
    for slot in ("one", "two"):
        installation.wait_ready(slot)
    installation.wait(lambda: len(installation.progress("two").get("partitions", ())) == PARTITIONS // 2)
    _say(f"recording {given.slates:,} slates")

    def half_way() -> None:
        _say("killing a worker")
        recording.kill("two")

    recording.run(given.slates, half_way, seconds=60 + given.slates / 20)
    revised = f"{recording.revisions:,} of them revisions"
    _say(f"recorded {recording.slates:,} slates, {revised}, from {recording.events:,} events")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RefusedError as refusal:
        sys.exit(f"parity: {refusal}")
