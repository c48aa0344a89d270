"""USD for one run, and not a cent more."""

from streams.judging.budget import ROUNDING_USD


class Cap:
    """A purse with a hard end: what a call may cost at most is reserved before it, so the end is never passed.

    Args:
        most_usd: at least 0; 0 allows calls that are free.

    Attributes:
        usd: spent or reserved.
        calls: that were paid for.
    """

    def __init__(self, most_usd: float) -> None:
        self.most_usd = most_usd
        self.usd = 0.0
        self.calls = 0

    def reserve(self, usd: float) -> bool:
        """Take what a call costs at most, if there is that much left."""
        if self.usd + usd > self.most_usd + ROUNDING_USD:
            return False
        self.usd += usd
        return True

    def settle(self, reserved: float, actual: float) -> None:
        """Replace it by what the call cost."""
        self.usd += actual - reserved
        self.calls += 1


class KeyPurse:
    """A `streams.judging.payment.Purse` for one key: pays from the cap, and knows what the key has cost.

    Args:
        cap: of the run.
    """

    def __init__(self, cap: Cap) -> None:
        self._cap = cap
        self.usd = 0.0
        self.calls = 0

    async def reserve(self, usd: float) -> int | None:
        """Take from the cap; the minute it is taken in does not matter here."""
        return 0 if self._cap.reserve(usd) else None

    async def settle(self, reserved: float, actual: float, minute: int) -> None:  # noqa: ARG002  the port's
        """Replace what was taken by what the call cost."""
        self._cap.settle(reserved, actual)
        self.usd += actual
        self.calls += 1
