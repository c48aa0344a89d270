"""Workers that come, go, and stand still."""

import signal
from random import Random

from tests.faults.fault import Simple
from tests.faults.marks import Mark
from tests.faults.slot import Slot
from tests.faults.stage import Stage

TAKEN_OVER_WITHIN_S = 120.0


class Term(Simple):
    """SIGTERM, and a start right after: a restart as an operator does it."""

    name = "SIGTERM and start"

    def harm(self, stage: Stage, random: Random) -> None:
        """Let a worker leave, and start it again."""
        slot = stage.pick(random)
        slot.stop()
        slot.start()


class Join(Simple):
    """One more worker comes and takes its share."""

    name = "worker joins"
    weight = 2.0
    change = 1

    def harm(self, stage: Stage, random: Random) -> None:
        """Start it."""
        stage.spare().start()

    def mend(self, stage: Stage, random: Random) -> None:
        """Wait until everybody has a share."""
        stage.wait_ready()


class Leave(Simple):
    """A worker leaves for good, as it should."""

    name = "worker leaves"
    needs = 2
    change = -1

    def harm(self, stage: Stage, random: Random) -> None:
        """Stop it."""
        stage.live[-1].stop()


class Vanish(Simple):
    """A worker is gone for good, with its supervisor, as with its host."""

    name = "worker vanishes"
    needs = 2
    change = -1

    def harm(self, stage: Stage, random: Random) -> None:
        """Kill both."""
        stage.live[-1].kill_all()


class Zombie(Simple):
    """A worker stands still until another has its partitions, and goes on.

    Args:
        mark: where it stands still; None: at a random moment.
        weight: share of a plan.
    """

    needs = 2

    def __init__(self, mark: Mark | None = None, *, weight: float = 1.0) -> None:
        self.name = "SIGSTOP and SIGCONT" + (f" {mark}" if mark else "")
        self.weight = weight
        self.excused = mark is not None
        self._mark = mark

    def harm(self, stage: Stage, random: Random) -> None:
        """Stop one, and wait until its partitions are the others'."""
        if self._mark is None:
            stopped = stage.pick(random)
            stopped.signal(signal.SIGSTOP)
        else:
            stage.marks.arm(self._mark, visit=random.randint(1, 3))
            stage.load.burst(random.randint(20, 120))
            stage.wait(lambda: stage.marks.struck, f"a worker that stands still {self._mark}")
            stopped = _stopped(stage)
        stage.wait(lambda: stage.others_complete(stopped), f"{stopped.name} replaced", TAKEN_OVER_WITHIN_S)

    def mend(self, stage: Stage, random: Random) -> None:
        """Let it go on."""
        for slot in stage.live:
            slot.signal(signal.SIGCONT)


def _stopped(stage: Stage) -> Slot:
    """Find the worker that stopped itself."""
    stage.wait(lambda: any(slot.stopped() for slot in stage.live), "a worker that stands still", 5)
    return next(slot for slot in stage.live if slot.stopped())
