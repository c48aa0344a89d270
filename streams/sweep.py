"""Free the visitors whose profile has ended: a few with every batch, by the partition's own event clock.

What is freed is what the visitor's next event would find ended, so nothing is decided otherwise than without a sweep.
"""

from collections.abc import Mapping

from models.session import SessionRules, clock_of, ended
from schemas.errors import DecodeError
from schemas.events import BEHIND_MS
from streams.telemetry import count

HOUR_MS = 60 * 60 * 1000

LOOKS_PER_RECORD = 4
"""A record makes at most one visitor, so a round over all of them ends whatever arrives meanwhile."""

NEVER_MS = 1 << 62


class Sweep:
    """One partition's rounds over its visitors.

    The clock is the greatest event time seen. No event to come is older than `BEHIND_MS` before it, except imported
    history, which may be of any age: visitors whose history is coming in are left alone until the clock is an hour past
    the last of it. So nobody is freed by a later time than the oldest state that was written in the last hour or two.
    """

    def __init__(self) -> None:
        self._clock_ms = 0
        self._hour_ms = 0
        self._oldest_ms = (NEVER_MS, NEVER_MS)
        self._began_ms = 0
        self._left: list[bytes] = []

    def after(
        self, visitors: dict[bytes, bytes], touched: dict[bytes, bytes | None], *, records: int, rules: SessionRules
    ) -> None:
        """Look at the next visitors after a batch was applied.

        Args:
            visitors: all of the partition, encoded; those that ended are taken out.
            touched: what the batch wrote; gets a tombstone for each visitor taken out.
            records: in the batch; decides how many visitors are looked at.
            rules: say when a profile ends.
        """
        self._note(touched)
        now_ms = min(self._clock_ms - BEHIND_MS, *self._oldest_ms)
        gone = [key for key in self._next(records) if _ended(visitors.get(key), now_ms, rules)]
        for key in gone:
            del visitors[key]
            touched[key] = None
        if gone:
            count("visitors_freed", len(gone))
        if not self._left and self._clock_ms - self._began_ms >= HOUR_MS:
            self._began_ms = self._clock_ms
            self._left = list(visitors)  # pointers only: a millisecond per 100,000 visitors, once a round

    def _note(self, touched: Mapping[bytes, bytes | None]) -> None:
        clocks = [clock_of(data) for data in touched.values() if data is not None]
        if not clocks:
            return
        before, current = self._oldest_ms
        self._clock_ms = max(self._clock_ms, *clocks)
        self._began_ms = self._began_ms or self._clock_ms  # after a restore nothing is known of the last hour
        if self._clock_ms - self._hour_ms >= HOUR_MS:
            self._hour_ms, before, current = self._clock_ms, current, NEVER_MS
        self._oldest_ms = before, min(current, *clocks)

    def _next(self, records: int) -> list[bytes]:
        looks = max(1, LOOKS_PER_RECORD * records)
        keys = self._left[-looks:]
        del self._left[-looks:]
        return keys


def _ended(data: bytes | None, now_ms: int, rules: SessionRules) -> bool:
    try:
        return data is not None and ended(clock_of(data), now_ms, rules)
    except DecodeError:
        return False  # told by whoever reads it
