"""The visitors who were active last, and their newest records: as bytes, within a limit of memory."""

import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.topics import CHANGELOG, EVENTS, SLATES, TopicName
from streams.partitions import VISITORS

KNOWN = 5_000
MOST_BYTES = 64 << 20
MOST_WATCHED = 64

EVENTS_KEPT, SLATES_KEPT = 80, 24

ERASED = 100_000
"""Who was erased last: topics are read side by side, so what they did before may come later."""

SIMULATED = re.compile(r"v\d+")
CONTEXTUAL = "~"
"""What a slate is keyed by that is nobody's."""


class Raw(NamedTuple):
    """A record as it was read."""

    partition: int
    offset: int
    at_ms: int
    value: bytes
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(slots=True)
class Active:
    """A visitor: when they were active last, how many events were read, and what is kept.

    `version` rises with every record; `size` is in bytes.
    """

    visitor_id: str
    partition: int
    last_ms: int = 0
    count: int = 0
    version: int = 0
    events: deque[Raw] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    slates: deque[Raw] = field(default_factory=lambda: deque(maxlen=SLATES_KEPT))
    evidence: deque[Raw] = field(default_factory=lambda: deque(maxlen=SLATES_KEPT))
    state: Raw | None = None
    size: int = 0
    forgotten_ms: int = -1

    def keep(self, topic: TopicName, raw: Raw) -> None:
        """Keep a record; the oldest of its topic may go."""
        self.size += len(raw.value)
        if topic == CHANGELOG:
            self.size -= len(self.state.value) if self.state else 0
            self.state = raw
            return
        if topic == EVENTS:
            self.count += 1
            self.last_ms = max(self.last_ms, raw.at_ms)
        records = {EVENTS: self.events, SLATES: self.slates}.get(topic, self.evidence)
        if len(records) == records.maxlen:
            self.size -= len(records[0].value)
        records.append(raw)

    def drop(self) -> None:
        """Keep no records any more."""
        for records in (self.events, self.slates, self.evidence):
            records.clear()
        self.state, self.size = None, 0

    def forget(self, at_ms: int) -> None:
        """Know nothing of the visitor any more, nor of what is read later but is no newer."""
        self.drop()
        self.last_ms = self.count = 0
        self.forgotten_ms = at_ms


class Roster:
    """Who was active last.

    Args:
        most_bytes: of records; those of who was active longest ago go first.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._active: OrderedDict[str, Active] = OrderedDict()
        self._holding: OrderedDict[str, Active] = OrderedDict()
        self._watched: dict[str, int] = {}
        self._erased: OrderedDict[str, int] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """Count who is known."""
        return len(self._active)

    def get(self, visitor_id: str) -> Active | None:
        """Give a visitor; None for who was not active lately."""
        return self._active.get(visitor_id)

    def take(self, topic: TopicName, partition: int, record: Any) -> None:
        """Take a record of the visitors' topics, as the consumer's parser made it."""
        visitor_id = _visitor_of(topic, record.key)
        if visitor_id is None or record.timestamp <= self._erased.get(visitor_id, -1):
            return
        one = self._active.get(visitor_id) or self._new(visitor_id, partition)
        before = one.size
        if record.value is None:
            if topic == CHANGELOG:  # who asked to be forgotten is, here too
                one.forget(record.timestamp)
        elif record.timestamp > one.forgotten_ms:  # topics are read side by side
            one.keep(topic, Raw(partition, record.offset, record.timestamp, record.value, record.headers))
        one.version += 1
        self._bytes += one.size - before
        self._active.move_to_end(visitor_id)
        self._holding[visitor_id] = one
        self._holding.move_to_end(visitor_id)
        self._make_room()

    def erase(self, visitor_id: str, until_ms: int) -> None:
        """Know nothing any more of what a visitor did up to a time, however late it is read."""
        self._erased[visitor_id] = until_ms
        self._erased.move_to_end(visitor_id)
        if len(self._erased) > ERASED:
            self._erased.popitem(last=False)
        one = self._active.get(visitor_id)
        if one is None or one.last_ms > until_ms:  # then they came back, and all of before goes with its tombstone
            return
        self._holding.pop(visitor_id, None)
        self._bytes -= one.size
        one.drop()
        one.count, one.version = 0, one.version + 1
        if visitor_id not in self._watched:
            del self._active[visitor_id]

    def newest(self, most: int) -> list[Active]:
        """Give who was active last, real visitors before simulated ones, newest first."""
        seen = sorted((one for one in self._active.values() if one.count), key=lambda one: -one.last_ms)
        real = [one for one in seen if not SIMULATED.fullmatch(one.visitor_id)]
        simulated = [one for one in seen if SIMULATED.fullmatch(one.visitor_id)]
        return (real[:most] + simulated[: max(0, most - len(real))])[:most]

    def counts(self) -> tuple[int, int]:
        """Count real and simulated visitors."""
        names = [name for name, one in self._active.items() if one.count]
        simulated = sum(bool(SIMULATED.fullmatch(name)) for name in names)
        return len(names) - simulated, simulated

    def watch(self, visitor_id: str, partition: int) -> bool:
        """Keep a visitor's records while somebody looks; False where too many are looked at."""
        if len(self._watched) >= MOST_WATCHED and visitor_id not in self._watched:
            return False
        self._watched[visitor_id] = self._watched.get(visitor_id, 0) + 1
        if visitor_id not in self._active:
            self._new(visitor_id, partition)
        return True

    def unwatch(self, visitor_id: str) -> None:
        """Say that one fewer looks."""
        left = self._watched.get(visitor_id, 0) - 1
        if left > 0:
            self._watched[visitor_id] = left
        else:
            self._watched.pop(visitor_id, None)

    def watched_partitions(self) -> frozenset[int]:
        """Give the partitions of the watched."""
        return frozenset(self._active[name].partition for name in self._watched if name in self._active)

    def _new(self, visitor_id: str, partition: int) -> Active:
        one = self._active[visitor_id] = Active(visitor_id, partition)
        return one

    def _make_room(self) -> None:
        """Let go of the records of who was active longest ago, and of who that was; never of the watched."""
        while self._bytes > self._most_bytes and len(self._holding) > len(self._watched) + 1:
            name, one = self._holding.popitem(last=False)
            if name in self._watched:
                self._holding[name] = one
                continue
            self._bytes -= one.size
            one.drop()
        while len(self._active) > KNOWN:
            name, one = self._active.popitem(last=False)
            if name in self._watched:
                self._active[name] = one
                continue
            self._holding.pop(name, None)
            self._bytes -= one.size


def _visitor_of(topic: TopicName, key: bytes | None) -> str | None:
    """Name whose record it is; None for what is no visitor's."""
    if not key or (topic == CHANGELOG and key < VISITORS):
        return None
    try:
        visitor_id = key.decode()
    except UnicodeDecodeError:
        return None
    return None if visitor_id.startswith(CONTEXTUAL) or len(visitor_id) > 128 else visitor_id
