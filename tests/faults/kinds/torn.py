"""Deliveries that time out when a part of a batch is acknowledged."""

from random import Random

from tests.faults.fault import Simple
from tests.faults.odd_worker import odd_marks
from tests.faults.stage import Stage

STRIKES_WITHIN_S = 45.0


class TornWrite(Simple):
    """A write fails after some partitions and in the middle of one: the worker leaves and writes nothing after it.

    Args:
        what: of `output` and `state`.
    """

    weight = 2.0

    def __init__(self, what: str) -> None:
        self.name = f"delivery timeout in the {what}"
        self._mark = f"torn-{what}"

    def harm(self, stage: Stage, random: Random) -> None:
        """Let one of the next writes fail."""
        self._marks = odd_marks(stage.folder)
        self._marks.arm(self._mark, visit=random.randint(1, 3))  # type: ignore[arg-type]
        stage.load.burst(random.randint(40, 120))

    def mend(self, stage: Stage, random: Random) -> None:
        """Wait until it did."""
        try:
            stage.wait(lambda: self._marks.struck, f"a write that fails at {self._mark}", STRIKES_WITHIN_S)
        finally:
            self._marks.disarm()
