"""The broker and the network."""

import time
from random import Random

from tests.faults.fault import Simple
from tests.faults.stage import BEHIND_DOOR, SESSION_S, Stage
from tests.faults.workers import TAKEN_OVER_WITHIN_S


class BrokerDown(Simple):
    """The broker is killed, and started again on the same data.

    Args:
        name: row of the report.
        seconds: how long it is away, at least and at most.
        weight: share of a plan.
        most: so often in a plan.
    """

    def __init__(
        self, name: str, seconds: tuple[float, float], *, weight: float = 1.0, most: int | None = None
    ) -> None:
        self.name = name
        self.weight = weight
        self.most = most
        self._seconds = seconds

    def harm(self, stage: Stage, random: Random) -> None:
        """Kill it."""
        stage.node.kill()

    def mend(self, stage: Stage, random: Random) -> None:
        """Start it when its time has come."""
        time.sleep(random.uniform(*self._seconds))  # the outage, not a wait
        stage.node.start()


class Cut(Simple):
    """The network between one worker and the broker is gone until another worker has its partitions."""

    name = "network cut, taken over"
    needs = 2
    excused = True

    def harm(self, stage: Stage, random: Random) -> None:
        """Cut it."""
        stage.proxy.cut()
        cut = stage.slots[BEHIND_DOOR]
        stage.wait(lambda: stage.others_complete(cut), "the cut-off worker replaced", TAKEN_OVER_WITHIN_S)

    def mend(self, stage: Stage, random: Random) -> None:
        """Mend it."""
        stage.proxy.heal()


class ShortCut(Simple):
    """The same for so short that nobody notices."""

    name = "network cut, short"
    needs = 2

    def harm(self, stage: Stage, random: Random) -> None:
        """Cut it."""
        stage.proxy.cut()

    def mend(self, stage: Stage, random: Random) -> None:
        """Mend it."""
        time.sleep(random.uniform(0.2, SESSION_S / 2))  # the cut, not a wait
        stage.proxy.heal()
