"""Read what there is to be checked, on one consumer that stays open."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.topics import EVENTS, SPECS, TopicName, Topics
from streams.flow import LogRecord

ANSWER_S = 10.0
Taker = Callable[[TopicName, Sequence[LogRecord]], object]


class Reader:
    """Read topics from their beginnings, as far as they are at each call.

    Args:
        bootstrap: the broker; it may go away and come back.
        topics: names on it.
        names: what is read.
        take: is given the records of each topic, in the order of each partition.
        starts: where to begin, by partition of each topic; at the beginning where it does not say.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Topics,
        names: Sequence[TopicName],
        take: Taker,
        *,
        starts: Mapping[TopicName, Mapping[int, int]] = MappingProxyType({}),
    ) -> None:
        settings = {"bootstrap.servers": bootstrap, "group.id": token_hex(4), "enable.auto.commit": False}
        more = {"fetch.wait.max.ms": 20, "log_level": 2, "reconnect.backoff.max.ms": 500}
        self._consumer: Any = Consumer(settings | more | {"auto.offset.reset": "error"})
        self._take = take
        counts = {spec.name: topics.partitions_of(spec) for spec in SPECS}
        self._names = {topics[name]: name for name in names}
        self._next = {(topics[name], p): starts.get(name, {}).get(p, 0) for name in names for p in range(counts[name])}
        self._consumer.assign([TopicPartition(*at, start) for at, start in self._next.items()])

    def poll(self, seconds: float) -> None:
        """Take what comes within so many seconds; returns early when something came."""
        self._give(self._consumer.consume(2000, seconds))

    def read_to_end(self, seconds: float = 60.0) -> None:
        """Take everything that is there now.

        Raises:
            AssertionError: it cannot be read in time.
        """
        until = time.monotonic() + seconds
        ends = self._ends(until)
        while any(self._next[at] < end for at, end in ends.items()):
            assert time.monotonic() < until, f"not read in {seconds:.0f} s: {self._behind(ends)}"
            self.poll(0.2)

    def position(self, name: TopicName) -> dict[int, int]:
        """Give how far each partition of a topic was read."""
        return {p: position for (topic, p), position in self._next.items() if self._names[topic] == name}

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def _ends(self, until: float) -> Mapping[tuple[str, int], int]:
        ends = {}
        for at in self._next:
            while at not in ends:
                try:
                    ends[at] = self._consumer.get_watermark_offsets(TopicPartition(*at), timeout=ANSWER_S)[1]
                except KafkaException:
                    assert time.monotonic() < until, f"the broker does not say where {at} ends"
                    time.sleep(0.1)
        return ends

    def _behind(self, ends: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
        return {at: end - self._next[at] for at, end in ends.items() if self._next[at] < end}

    def _give(self, messages: Sequence[Any]) -> None:
        found: defaultdict[str, list[LogRecord]] = defaultdict(list)
        for message in messages:
            if message.error() is not None:
                continue  # the broker is away; librdkafka goes on when it is back
            record = LogRecord(
                message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value(),
                tuple(message.headers() or ()),
            )  # fmt: skip
            found[message.topic()].append(record)
            self._next[message.topic(), record.partition] = record.offset + 1
        for topic, records in found.items():
            self._take(self._names[topic], records)


class Lag:
    """How far the workers' group is behind.

    Args:
        bootstrap: the broker.
        topics: names on it.
        group: the workers' group.
    """

    def __init__(self, bootstrap: str, topics: Topics, group: str) -> None:
        self._settings = {"bootstrap.servers": bootstrap, "group.id": group, "log_level": 2}
        self._tps = [TopicPartition(topics[EVENTS], p) for p in range(topics.partitions)]
        self._consumer: Any = None

    def __call__(self) -> int:
        """Count events that were not acknowledged; -1 while the broker does not tell."""
        try:
            self._consumer = self._consumer or Consumer(self._settings)
            ends = [self._consumer.get_watermark_offsets(tp, timeout=2.0)[1] for tp in self._tps]
            committed = self._consumer.committed(self._tps, timeout=2.0)
        except KafkaException:
            self.close()  # a new one finds a broker that came back at once
            return -1
        return sum(end - max(0, tp.offset) for tp, end in zip(committed, ends, strict=True))

    def passed(self, bar: Mapping[int, int]) -> bool:
        """Tell whether everything before the bar was acknowledged; not while the broker does not tell."""
        try:
            self._consumer = self._consumer or Consumer(self._settings)
            committed = self._consumer.committed(self._tps, timeout=2.0)
        except KafkaException:
            self.close()
            return False
        return all(tp.offset >= bar.get(tp.partition, 0) for tp in committed)

    def close(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
