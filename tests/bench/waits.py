"""What became of each event: how long it waited by the broker's clock alone, which slates are missing or doubled."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from meter import Seen
from states import BEFORE
from tape import Taped

from schemas.topics import EVENTS, Topics


class Wait(NamedTuple):
    """One slate, and when the broker took it and its event, ms since 1970."""

    partition: int
    event_ms: int
    slate_ms: int

    @property
    def seconds(self) -> float:
        """Give how long the event waited."""
        return (self.slate_ms - self.event_ms) / 1000


class Answered(NamedTuple):
    """Slates owed that did not come, and slates that came more than once."""

    missing: int
    doubled: int


def answered(tape: Sequence[Taped], seen: Collection[Seen]) -> Answered:
    """Hold the slates seen against those that a stretch of the tape, sent first, asks for."""
    next_offset: defaultdict[int, int] = defaultdict(lambda: BEFORE)
    owed: Counter[tuple[int, int]] = Counter()
    for taped in tape:
        owed[taped.partition, next_offset[taped.partition]] = taped.slates
        next_offset[taped.partition] += 1
    got = Counter((one.partition, one.offset) for one in seen)
    return Answered((owed - got).total(), (got - owed).total())


def read_waits(bootstrap: str, topics: Topics, seen: Collection[Seen]) -> list[Wait]:
    """Read when events were taken, and join that with the slates seen."""
    taken = _taken(bootstrap, topics)
    return [Wait(one.partition, taken[one.partition, one.offset], one.appended_ms) for one in seen]


def worst_s(waits: Collection[Wait]) -> float:
    """Give the longest wait in seconds."""
    return max(wait.seconds for wait in waits)


def served_s(waits: Collection[Wait], partitions: Collection[int], killed_ms: int) -> float:
    """Give the seconds after which each of the partitions had answered an event that came after the kill."""
    firsts = [
        min(wait.slate_ms for wait in waits if wait.partition == partition and wait.event_ms > killed_ms)
        for partition in partitions
    ]
    return (max(firsts) - killed_ms) / 1000


def _taken(bootstrap: str, topics: Topics) -> dict[tuple[int, int], int]:
    from confluent_kafka import Consumer, TopicPartition

    name = topics[EVENTS]
    consumer: Any = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{name}.waits", "enable.auto.commit": False})
    tps = [TopicPartition(name, partition, BEFORE) for partition in range(topics.partitions)]
    wanted = sum(max(0, consumer.get_watermark_offsets(tp, timeout=10)[1] - BEFORE) for tp in tps)
    consumer.assign(tps)
    found: dict[tuple[int, int], int] = {}
    deadline = time.monotonic() + 60
    while len(found) < wanted and time.monotonic() < deadline:
        for message in consumer.consume(2000, 0.2):
            found[message.partition(), message.offset()] = message.timestamp()[1]
    consumer.close()
    return found
