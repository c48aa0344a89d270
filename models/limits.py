"""What a constant may be: each class of constants lists its own beside its fields."""

from typing import NamedTuple

MOST = 1 << 30
"""Of what has no other upper limit: more would not fit into memory."""


class Limits(NamedTuple):
    """The numbers a constant may be, both ends included; of a mapping, those of its values."""

    least: float
    most: float
    power_of_two: bool = False
    multiple_of: int = 1

    def objection(self, value: float) -> str:
        """Say what is wrong with a number, "" when nothing is.

        >>> Limits(1, 100).objection(0)
        'it must be from 1 to 100'
        >>> Limits(1, 100, power_of_two=True).objection(12)
        'it must be a power of two'
        >>> Limits(16, 1024, multiple_of=16).objection(40)
        'it must be a multiple of 16'
        """
        if not self.least <= value <= self.most:
            return f"it must be from {self.least} to {self.most}"
        if self.power_of_two and int(value) & (int(value) - 1):
            return "it must be a power of two"
        if value % self.multiple_of and self.multiple_of > 1:
            return f"it must be a multiple of {self.multiple_of}"
        return ""
