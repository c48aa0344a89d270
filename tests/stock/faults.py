"""The three faults, and the load under which each is staged."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.stock.run import AISLE, STOCK, TAKE, Engine, Load, Run

AWAY_S = 4.0


@dataclass(frozen=True)
class Fault:
    """What goes wrong, while which events are sent, and under which engines."""

    name: str
    text: str
    load: Load
    stage: Callable[[Run], None]
    engines: tuple[Engine, ...] = (STOCK, AISLE)


def exceptions(run: Run) -> None:
    """Let the handler fail for a while."""
    run.sleep(1, 2)
    run.switches.on("away")
    time.sleep(AWAY_S)
    run.switches.off("away")


def slow_produce(run: Run) -> None:
    """Let the broker take writes slowly, and kill the worker twice meanwhile, just behind a commit.

    That is the worst moment: what is committed and not yet written is never done again.
    """
    run.switches.on("slow")
    for _ in range(2):
        run.sleep(3, 4)
        run.wait_commit()
        run.kill()
        run.wait_answers()
    run.switches.off("slow")


def kills(run: Run) -> None:
    """Kill the worker three times in mid-stream."""
    for _ in range(3):
        run.sleep(1, 2.5)
        run.kill()
        run.wait_answers()


FAULTS = (
    Fault(
        "exceptions",
        f"the handler raises on every event for {AWAY_S:.0f} s, as when a service it asks is away, and on one record "
        "for ever",
        Load(events=2_400, rate=150, trap=1_800),
        exceptions,
    ),
    Fault(
        "slow produce",
        "each produce request takes a second longer; meanwhile the worker is killed (SIGKILL) twice, each time just "
        "behind a commit",
        Load(events=2_700, rate=150),
        slow_produce,
        (STOCK, TAKE, AISLE),
    ),
    Fault(
        "kill -9",
        "the worker is killed (SIGKILL) three times in mid-stream, and started again at once",
        Load(events=4_500, rate=150),
        kills,
    ),
)
