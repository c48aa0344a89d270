"""A wall clock that is wrong: on one worker alone, for a while."""

import time
from random import Random

from tests.faults.fault import Simple
from tests.faults.odd_worker import clock_file
from tests.faults.stage import Stage

JUMP_S = 3700.0
"""A little over an hour, which is where Kafka 4 begins to refuse what comes from the future."""

WRONG_FOR_S = 2.0
WORKS_WITHIN_S = 45.0


class ClockJump(Simple):
    """A worker's clock jumps more than an hour, works on for a while, and jumps back.

    Args:
        hours: +1 or -1.
    """

    def __init__(self, hours: int) -> None:
        self.name = f"clock {hours:+d} h"
        self._by_s = hours * JUMP_S

    def harm(self, stage: Stage, random: Random) -> None:
        """Let it jump, and let it work meanwhile."""
        slot = stage.pick(random)
        self._file = clock_file(stage.folder, slot.name)
        self._file.write_text(f"{self._by_s}")
        until = time.monotonic() + WRONG_FOR_S
        while time.monotonic() < until:
            stage.load.burst(random.randint(5, 30))
            time.sleep(0.2)  # the moment, not a wait

    def mend(self, stage: Stage, random: Random) -> None:
        """Let it jump back, once it has worked through what came meanwhile."""
        try:
            bar = stage.load.ends()
            stage.wait(lambda: stage.lag.passed(bar), "a worker whose clock is wrong works on", WORKS_WITHIN_S)
        finally:
            self._file.unlink()
