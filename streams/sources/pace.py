"""Whether the times of a log tell how long somebody looked at something."""

from collections import OrderedDict

MOST_VISITS = 50_000
"""Visits followed at once."""

MINUTE_MS = 60_000
QUICK_MS = 3_000
MOST_QUICK = 0.4
"""People leave a page within seconds now and then; where they do so every other time, the clock is not theirs."""


class Pace:
    """Looks at the gaps between events of one visit.

    Some logs give the day only, or number their lines: a gap in them is no dwell, and taken for one it would make a
    bounce of everything that was looked at.

    >>> pace = Pace()
    >>> for at_ms in (0, 20_000, 75_500):
    ...     pace.add("visit", at_ms)
    >>> pace.tells_dwell
    True

    Attributes:
        names_visits: some row has said which visit it belongs to.
        whole_minutes: no time is finer than a minute.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()
        self._gaps = 0
        self._quick = 0
        self.whole_minutes = True
        self.names_visits = False

    def add(self, visit: str | None, at_ms: int) -> None:
        """Take the next row of a visit."""
        self.whole_minutes = self.whole_minutes and at_ms % MINUTE_MS == 0
        if visit is None:
            return
        self.names_visits = True
        before = self._last.pop(visit, None)
        self._last[visit] = at_ms
        if before is not None:
            self._gaps += 1
            self._quick += abs(at_ms - before) < QUICK_MS
        elif len(self._last) > MOST_VISITS:
            self._last.popitem(last=False)

    @property
    def tells_dwell(self) -> bool:
        """Say whether gaps may be taken for dwell."""
        return not self.whole_minutes and self._quick <= MOST_QUICK * self._gaps
