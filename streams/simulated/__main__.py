"""`python -m streams.simulated`: run a simulated judge until SIGTERM; its address is its only line of output."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import cast

from schemas.errors import RefusedError
from streams.simulated.faults import FAULTS, Fault
from streams.simulated.formats import MODES
from streams.simulated.request import INSTEAD, Ability
from streams.simulated.server import SimulatedJudge


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m streams.simulated", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency-ms", type=float, default=250.0, help="median time to answer")
    parser.add_argument("--seed", type=int, default=0, help="of latencies and faults")
    parser.add_argument("--mode", choices=MODES, default="json_schema", help="the most it can as a response format")
    parser.add_argument("--refuse", nargs="*", choices=(*INSTEAD, "temperature"), default=(), help="unknown parameters")
    parser.add_argument("--faults", nargs="*", choices=("random", *FAULTS), default=(), help="how it fails")
    parser.add_argument("--share", type=float, default=1.0, help="of the calls that fail, 0 to 1")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes, too")
    return parser.parse_args(given)


def run(asked: argparse.Namespace) -> None:
    """Serve until SIGTERM or Ctrl-C, or until the process that started it ends."""
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    if asked.with_parent:
        threading.Thread(target=_follow, args=(stopped,), daemon=True).start()
    ability = Ability(mode=asked.mode, refuses=frozenset(asked.refuse))
    with SimulatedJudge(port=asked.port, latency_ms=asked.latency_ms, seed=asked.seed, ability=ability) as judge:
        faults = tuple(FAULTS) if "random" in asked.faults else cast("tuple[Fault, ...]", tuple(asked.faults))
        judge.fail(*faults, share=asked.share)
        sys.stdout.write(f"simulated judge at {judge.base_url}\n")
        sys.stdout.flush()
        stopped.wait()


def _follow(stopped: threading.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    stopped.set()


if __name__ == "__main__":
    try:
        run(arguments())
    except RefusedError as error:
        sys.exit(str(error))
