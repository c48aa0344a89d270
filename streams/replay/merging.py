"""One order over all partitions: by time, then partition, then offset; within a partition always by offset."""

import heapq
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from schemas.errors import DecodeError
from schemas.events import Event
from schemas.record import epoch_ms
from streams.flow import LogRecord

UNTIMED = -1
"""The time of a record that tells none: it stands with the one before it."""

TimeOf = Callable[[LogRecord], int]


class Placed(NamedTuple):
    """A record and its place in time: the latest time its partition has told so far, milliseconds since 1970."""

    time_ms: int
    record: LogRecord


def arrival(record: LogRecord) -> int:
    """Give the time a record came in."""
    return record.timestamp_ms


def event_time(record: LogRecord) -> int:
    """Give the time an event happened; what is no event tells none."""
    try:
        return epoch_ms(Event.decode(record.value).at)
    except DecodeError:
        return UNTIMED


class Merged:
    """Records of several partitions, handed out in one order as soon as it is certain.

    >>> merged = Merged({0: UNTIMED, 1: UNTIMED}, arrival)
    >>> merged.add(0, [LogRecord(0, 0, 20, None, None)])
    >>> merged.take(9)
    []
    >>> merged.add(1, [LogRecord(1, 0, 10, None, None)])
    >>> [placed.time_ms for placed in merged.take(9)]
    [10]

    Args:
        clocks: the partitions, each with the latest time it told before its first record here.
        time_of: what time a record tells.
    """

    def __init__(self, clocks: Mapping[int, int], time_of: TimeOf) -> None:
        self._time_of = time_of
        self._clocks = dict(clocks)
        self._waiting: dict[int, deque[Placed]] = {partition: deque() for partition in clocks}
        self._open = set(clocks)
        self._heads: list[tuple[int, int]] = []

    @property
    def done(self) -> bool:
        """Tell whether every partition has ended and everything was taken."""
        return not self._open and not self._heads

    def hungry(self, fewer_than: int) -> list[int]:
        """Name the partitions that have not ended and hold fewer records than this."""
        return [partition for partition in sorted(self._open) if len(self._waiting[partition]) < fewer_than]

    def add(self, partition: int, records: Sequence[LogRecord]) -> None:
        """Take a partition's next records."""
        waiting = self._waiting[partition]
        was_empty = not waiting
        for record in records:
            self._clocks[partition] = clock = max(self._clocks[partition], self._time_of(record))
            waiting.append(Placed(clock, record))
        if was_empty and waiting:
            heapq.heappush(self._heads, (waiting[0].time_ms, partition))

    def end(self, partition: int) -> None:
        """Expect nothing more of a partition."""
        self._open.discard(partition)

    def take(self, most: int) -> list[Placed]:
        """Give the next records, as many as are certain: while a partition is awaited, nobody knows what comes next."""
        taken: list[Placed] = []
        while self._heads and len(taken) < most and not self._awaited():
            _, partition = heapq.heappop(self._heads)
            waiting = self._waiting[partition]
            taken.append(waiting.popleft())
            if waiting:
                heapq.heappush(self._heads, (waiting[0].time_ms, partition))
        return taken

    def _awaited(self) -> bool:
        return len(self._heads) < len(self._waiting) and any(not self._waiting[partition] for partition in self._open)


def cut(placed: Sequence[Placed], *, most: int, span_ms: int) -> int:
    """Count the records of the next piece: the same ones however often the rest is looked at.

    Args:
        placed: what comes next, at least one record; `most` of them, or all there are.
        most: records of a piece.
        span_ms: longest time from its first to its last.
    """
    last_ms = placed[0].time_ms + span_ms
    return next((n for n, one in enumerate(placed[:most]) if one.time_ms > last_ms), min(most, len(placed)))


def partitions_of(placed: Collection[Placed]) -> dict[int, Placed]:
    """Give the last record of each partition."""
    return {one.record.partition: one for one in placed}
