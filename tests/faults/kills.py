"""Workers that die at once: at any moment, or at a marked point of their work."""

from random import Random

from tests.faults.fault import Simple
from tests.faults.marks import Mark
from tests.faults.slot import Slot
from tests.faults.stage import Stage

STRIKES_WITHIN_S = 120.0


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
        """Wait until it struck; batches with several visitors of a partition come only while much is sent."""

        def struck() -> bool:
            if not stage.marks.struck:
                stage.load.burst(8)
            return stage.marks.struck

        stage.wait(struck, f"a worker killed at {self._mark}", STRIKES_WITHIN_S)


class KillInRestore(Simple):
    """A worker dies, and again while it restores."""

    name = "kill -9 restore"
    weight = 3.0

    def harm(self, stage: Stage, random: Random) -> None:
        """Arm the mark and kill."""
        stage.marks.arm("restore", visit=random.randint(1, 2))
        stage.pick(random).kill()

    def mend(self, stage: Stage, random: Random) -> None:
        """Wait until it struck."""
        _wait_for_strike(stage, "restore")


class KillInRebalance(Simple):
    """A worker dies while partitions are taken from it or given to it, because another comes or goes.

    Args:
        mark: which of the two.
        weight: share of a plan.
    """

    def __init__(self, mark: Mark, *, weight: float = 1.5) -> None:
        self.name = f"kill -9 {mark}"
        self.weight = weight
        self._mark = mark
        self._guest: Slot | None = None

    def harm(self, stage: Stage, random: Random) -> None:
        """Arm the mark and make the group move: by a guest, or by one who leaves for a moment."""
        stage.marks.arm(self._mark)
        self._guest = None if len(stage.live) == len(stage.slots) else stage.spare()
        if self._guest is not None:
            self._guest.start()
        else:
            stage.live[-1].stop()

    def mend(self, stage: Stage, random: Random) -> None:
        """Wait until it struck, and let as many workers run as before."""
        _wait_for_strike(stage, self._mark)
        if self._guest is None:
            stage.spare().start()
        else:
            stage.wait_ready()
            self._guest.stop()


def _wait_for_strike(stage: Stage, mark: Mark) -> None:
    stage.wait(lambda: stage.marks.struck, f"a worker killed at {mark}", STRIKES_WITHIN_S)
