"""How much came in and went out, second by second, and how long it took: bounded, whatever the traffic."""

import math
import re
import time
from bisect import bisect_left
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

SECONDS = 300
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Upper edges of the histogram's bars; the last bar is open."""

LATEST_S = 60
MOST_LATENCIES = 5_000
ARRIVALS = 20_000
"""Events of a partition whose arrival is remembered until their slates have come."""

WAITING = 2_000
"""Slates that were read before their events."""

HEAD = 400
"""A slate's first bytes name it."""

NAMED = re.compile(rb'"slate_id":"s-\d+-(?:\d+\.)?(\d+)-([^"]{1,64})-[0-9a-f]{4}"(?:,"revision":(\d+))?')
CAMPAIGNS = re.compile(rb'"slate_id":"c-[0-9a-f]+-([^"]{1,64})"')


class Named(NamedTuple):
    """What a slate's first bytes say: the offset of its event (-1 for a campaign's), placement and revision."""

    offset: int
    placement: str
    revision: int


def named(value: bytes | None) -> Named | None:
    """Read a slate's name without parsing it; None for what is no slate.

    >>> named(b'{"schema_version":"1.0","slate_id":"s-3-1044-home-0685","revision":1,"visitor_id":"v"}')
    Named(offset=1044, placement='home', revision=1)
    """
    head = (value or b"")[:HEAD]
    if match := NAMED.search(head):
        return Named(int(match[1]), match[2].decode(errors="replace"), int(match[3] or 0))
    if match := CAMPAIGNS.search(head):
        return Named(-1, match[1].decode(errors="replace"), 0)
    return None


class Second(NamedTuple):
    """What bears the time of one second."""

    events: Counter[str]
    slates: Counter[str]


class Course:
    """The last five minutes.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._seconds: OrderedDict[int, Second] = OrderedDict()
        self._arrivals: dict[int, OrderedDict[int, int]] = {}
        self._waiting: OrderedDict[tuple[int, int], list[tuple[int, int]]] = OrderedDict()
        self._latencies: deque[tuple[float, float]] = deque(maxlen=MOST_LATENCIES)
        self.revisions: deque[tuple[float, float]] = deque(maxlen=MOST_LATENCIES)

    def event(self, partition: int, offset: int, at_ms: int) -> None:
        """Count an event by its arrival, and remember that."""
        self._second(at_ms // 1000).events["read"] += 1
        known = self._arrivals.setdefault(partition, OrderedDict())
        known[offset] = at_ms
        if len(known) > ARRIVALS:
            known.popitem(last=False)
        for revision, written_ms in self._waiting.pop((partition, offset), ()):
            self._took(at_ms, written_ms, revision=revision)

    def slate(self, partition: int, slate: Named, at_ms: int) -> None:
        """Count a slate, and how long after its event's arrival it was written."""
        self._second(at_ms // 1000).slates[slate.placement] += 1
        known = self._arrivals.get(partition)
        arrived_ms = None if known is None else known.get(slate.offset)
        if arrived_ms is not None:
            self._took(arrived_ms, at_ms, revision=slate.revision)
        elif slate.offset >= 0:  # logs are read side by side: the slate may come before its event
            self._waiting.setdefault((partition, slate.offset), []).append((slate.revision, at_ms))
            if len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)

    def skipped(self, kind: str, count: int) -> None:
        """Count records that were passed over, as of now."""
        second = self._second(int(self._clock()))
        (second.events if kind == "events" else second.slates)["skipped"] += count

    def plain(self) -> dict[str, Any]:
        """Give the figures: series by second, oldest first, without the one that is not over yet."""
        last = int(self._clock())
        seconds: list[Second | None] = [self._seconds.get(at) for at in range(last - SECONDS, last)]
        names = sorted({name for one in seconds if one for name in one.slates} - {"skipped"})
        return {
            "until_s": last,
            "events": [one.events.total() if one else 0 for one in seconds],
            "slates": {name: [_scaled(one, name) for one in seconds] for name in names},
            "sampled": any(one.events["skipped"] or one.slates["skipped"] for one in seconds if one),
            "latency": self._spread(self._latencies),
            "revised": self._spread(self.revisions),
        }

    def _took(self, arrived_ms: int, written_ms: int, *, revision: int) -> None:
        into = self.revisions if revision else self._latencies
        into.append((written_ms / 1000, max(0.0, float(written_ms - arrived_ms))))

    def _second(self, at: int) -> Second:
        """Give a second of the last five minutes; what bears another time is counted as of now."""
        now = int(self._clock())
        at = at if now - SECONDS < at <= now + 1 else now
        if at not in self._seconds:
            self._seconds[at] = Second(Counter(), Counter())
            for old in [one for one in self._seconds if one < now - SECONDS]:
                del self._seconds[old]
        return self._seconds[at]

    def _spread(self, found: Sequence[tuple[float, float]]) -> dict[str, Any]:
        since_s = self._clock() - LATEST_S
        return spread([ms for at_s, ms in found if at_s >= since_s])


def _scaled(second: Second | None, name: str) -> float:
    """Give a placement's slates, with its share of those that were passed over."""
    if second is None or not second.slates[name]:
        return 0
    skipped = second.slates["skipped"]
    read = second.slates.total() - skipped
    return round(second.slates[name] * (1 + skipped / read), 2)


def spread(values_ms: Sequence[float]) -> dict[str, Any]:
    """Give durations as a histogram with quantiles.

    >>> spread([1, 3, 4, 700])["p50"], spread([])["p50"]
    (3, None)
    """
    bars = [0] * (len(BOUNDS_MS) + 1)
    for value in values_ms:
        bars[bisect_left(BOUNDS_MS, value)] += 1
    ordered = sorted(values_ms)
    quantiles = {f"p{q}": _quantile(ordered, q / 100) for q in (50, 90, 99)}
    return {"bounds_ms": BOUNDS_MS, "bars": bars, "count": len(ordered), **quantiles}


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """Give the nearest-rank quantile."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
