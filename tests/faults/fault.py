"""What a fault is: it does harm to the stage, and undoes it."""

from collections.abc import Sequence
from random import Random
from typing import Protocol

from tests.faults.stage import Stage


class Fault(Protocol):
    """One kind of harm.

    `name` is its row in the report; `needs` says how many workers must run before it, `change` how many more (or
    fewer) run after it; `weight` is its share of a long plan and `most` how often it may be in one; `excused` says
    that slates may be written twice by it, with the same ids: what a process that was cut off had in hand may arrive
    behind its successor's.
    """

    name: str
    weight: float
    most: int | None
    needs: int
    change: int
    excused: bool

    def harm(self, stage: Stage, random: Random) -> None:
        """Do it; the load goes on meanwhile. Waits only for what it needs itself."""

    def mend(self, stage: Stage, random: Random) -> None:
        """Undo it, or wait until it has come about; from here on recovery is measured."""


class Simple:
    """What most faults are like: they need one worker, leave as many as there were, and have nothing to undo."""

    weight = 1.0
    most: int | None = None
    needs = 1
    change = 0
    excused = False

    def mend(self, stage: Stage, random: Random) -> None:
        """Do nothing."""


class Together:
    """Several faults at once: all harm is done before any is undone.

    Args:
        faults: not two that need the same worker; mended in this order.
        weight: of the mixture.
    """

    def __init__(self, *faults: Fault, weight: float = 1.0) -> None:
        self._faults: Sequence[Fault] = faults
        self.name = " + ".join(fault.name for fault in faults)
        self.weight = weight
        self.most: int | None = None
        self.needs = max(fault.needs for fault in faults)
        self.change = sum(fault.change for fault in faults)
        self.excused = any(fault.excused for fault in faults)

    def harm(self, stage: Stage, random: Random) -> None:
        """Do all of it."""
        for fault in self._faults:
            fault.harm(stage, random)

    def mend(self, stage: Stage, random: Random) -> None:
        """Undo all of it."""
        for fault in self._faults:
            fault.mend(stage, random)
