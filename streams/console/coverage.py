"""What slates were judged by, and what was refused: counted from a log's bytes without reading whole records."""

import re
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, get_args

from schemas.errors import Reason
from schemas.judgements import Spending

REMEMBERED = 5_000
LATEST_S = 300

JUDGED = re.compile(rb'"by":"(fine|coarse|none)","hits":\d+,"of":\d+,"covered":(true|false)\}')
REASON = re.compile(rb'"reason":"(\w{1,32})"')
HEAD = 200

NO_KEY = "nothing to judge by"
"""Of a slate whose visitor has neither steps nor a profile."""


class Coverage:
    """What the judged placements' slates of the last minutes were judged by.

    Args:
        placements: that are judged.
        clock: seconds since 1970.
    """

    def __init__(self, placements: frozenset[str], clock: Callable[[], float] = time.time) -> None:
        self._placements, self._clock = placements, clock
        self._first: deque[tuple[float, str]] = deque(maxlen=REMEMBERED)
        self._revised: deque[float] = deque(maxlen=REMEMBERED)

    def take(self, placement: str, revision: int, value: bytes, at_ms: int) -> None:
        """Count a slate."""
        if placement not in self._placements:
            return
        if revision:
            self._revised.append(at_ms / 1000)
        else:
            self._first.append((at_ms / 1000, judged_by(value)))

    def plain(self) -> dict[str, Any]:
        """Give how many slates, as first written, were covered by what, and how many were written again."""
        since_s = self._clock() - LATEST_S
        counted = Counter(by for at_s, by in self._first if at_s >= since_s)
        return {
            "placements": sorted(self._placements),
            "by": dict(counted.most_common()),
            "count": counted.total(),
            "revisions": sum(at_s >= since_s for at_s in self._revised),
        }


def judged_by(value: bytes) -> str:
    """Say what covers a slate.

    >>> judged_by(b'{"judged":{"segment":"a","intent":"b","by":"fine","hits":9,"of":9,"covered":true}}')
    'fine'
    >>> judged_by(b'{"judged":{"segment":"a","intent":"b","by":"fine","hits":1,"of":9,"covered":false}}')
    'partial'
    """
    match = JUDGED.search(value)
    if match is None:
        return NO_KEY
    if match[1] == b"none":
        return "none"
    return match[1].decode() if match[2] == b"true" else "partial"


def spent_usd(spending: Sequence[Spending], now_s: float) -> float:
    """Sum what calls of the last hour have cost, in USD."""
    since = now_s // 60 - 60
    return sum(usd for one in spending for minute, usd in one.usd.items() if minute > since)


class Refusals:
    """Dead letters by reason: those at the end of the log when the console began, and all since."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._last_ms: dict[str, int] = {}
        self._known = frozenset(get_args(Reason))

    def take(self, value: bytes | None, at_ms: int) -> None:
        """Count a letter; what stands between letters is none."""
        match = REASON.search((value or b"")[:HEAD])
        if match is None:
            return
        reason = match[1].decode()
        reason = reason if reason in self._known else "other"
        self._counts[reason] += 1
        self._last_ms[reason] = max(self._last_ms.get(reason, 0), at_ms)

    def plain(self) -> list[dict[str, Any]]:
        """Give reasons with their counts and when each was the last time, commonest first."""
        return [
            {"reason": reason, "count": count, "last_ms": self._last_ms[reason]}
            for reason, count in self._counts.most_common()
        ]
