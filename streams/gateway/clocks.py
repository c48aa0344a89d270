"""How far browsers' clocks are off: what a network's delay cannot be, and the same for all batches of a visit.

An event that looks older than the session's last one asks for no slate, so that a correction that follows each batch's
own delay would cost pages their slates.
"""

from collections import OrderedDict

MINUTE_MS = 60_000
NEAR_MS = MINUTE_MS // 2
"""A clock that is off by less is never near to being corrected."""

KEPT = 50_000
"""Visitors whose correction is remembered."""


class Clocks:
    """Tells by how much to correct a batch's times.

    >>> clocks = Clocks()
    >>> clocks.ahead_ms("a", 59_000), clocks.ahead_ms("a", 61_000), clocks.ahead_ms("b", 61_000)
    (0, 0, 60000)
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, int] = OrderedDict()

    def ahead_ms(self, visitor_id: str, seen_ms: int) -> int:
        """Give how far a visitor's clock is ahead.

        Args:
            visitor_id: whose; "" for nobody's, such as a server, is not remembered.
            seen_ms: when they say a batch was sent, less when it came; the network's delay is in it.

        Returns:
            whole minutes, milliseconds; 0 below one. What a visitor's clock was taken for before, where it still fits.
        """
        known = self._known.pop(visitor_id, None)
        if known is None or abs(seen_ms - known) >= MINUTE_MS + NEAR_MS:
            known = 0 if abs(seen_ms) < MINUTE_MS else round(seen_ms / MINUTE_MS) * MINUTE_MS
        if visitor_id and abs(seen_ms) >= NEAR_MS:
            self._known[visitor_id] = known
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return known
