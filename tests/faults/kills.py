"""Workers that die at once: at any moment, or at a marked point of their work."""

from random import Random

from tests.faults.fault import Simple
from tests.faults.marks import Mark
from tests.faults.stage import Stage

STRIKES_WITHIN_S = 45.0


class Kill(Simple):
    """`kill -9` at a random moment; the supervisor starts the worker again."""

    name = "kill -9"
    weight = 2.0

    def harm(self, stage: Stage, random: Random) -> None:
        """Kill one worker."""
        stage.pick(random).kill()


class KillAt(Simple):
    """`kill -9` at a marked point of a batch, of whichever worker comes to it first.

    Args:
        mark: which point.
        weight: share of a plan.
    """

    def __init__(self, mark: Mark, *, weight: float = 4.0) -> None:
        self.name = f"kill -9 {mark}"
        self.weight = weight
        self._mark = mark

    def harm(self, stage: Stage, random: Random) -> None:
        """Arm the mark, and give the workers batches to work on."""
        stage.marks.arm(self._mark, visit=random.randint(1, 3))
        stage.load.burst(random.randint(20, 120))

    def mend(self, stage: Stage, random: Random) -> None:
        """Wait until it struck."""
        stage.wait(lambda: stage.marks.struck, f"a worker killed at {self._mark}", STRIKES_WITHIN_S)
