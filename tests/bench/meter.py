"""Read the slates as a storefront would, and tell how long each took since its event."""

import re
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from tape import Taped

_CAUSE = re.compile(rb'"partition":(\d+),"offset":(\d+)')


class Seen(NamedTuple):
    """One slate: the event it answers, the broker's append time and when it was here."""

    partition: int
    offset: int
    appended_ms: int
    consumed_ns: int


class Meter:
    """Collect slates on a thread of its own while the context is open.

    Args:
        bootstrap: the broker.
        topic: the slates' topic; its timestamps are the broker's.
        partitions: of the topic.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        from confluent_kafka import Consumer, TopicPartition

        self._consumer: Any = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{topic}.meter",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 1,
                "fetch.wait.max.ms": 500,
            }
        )
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        self.seen: list[Seen] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="meter")

    def wait(self, slates: int, *, until: float) -> bool:
        """Wait until so many slates were seen, or until a monotonic time; tells which."""
        while len(self.seen) < slates:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def _read(self) -> None:
        while not self._stopped.is_set():
            for message in self._consumer.consume(500, 0.01):
                now = time.time_ns()
                value = message.value()
                cause = _CAUSE.search(value, value.index(b'"cause":{'))
                assert cause is not None
                self.seen.append(Seen(int(cause[1]), int(cause[2]), message.timestamp()[1], now))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._consumer.close()


class Appended:
    """When the broker took each event of the tape, and which offset it got."""

    def __init__(self, bootstrap: str, topic: str, tape: Sequence[Taped]) -> None:
        self._place: defaultdict[int, list[int]] = defaultdict(list)
        for number, taped in enumerate(tape):
            self._place[taped.partition].append(number)
        self._at_ms = self._read(bootstrap, topic, {p: len(numbers) for p, numbers in self._place.items()})

    def number(self, seen: Seen) -> int:
        """Tell which event of the tape a slate answers."""
        return self.place(seen.partition, seen.offset)

    def at_ms(self, seen: Seen) -> int:
        """Tell when the broker took the event that a slate answers."""
        return self.ms(seen.partition, seen.offset)

    def place(self, partition: int, offset: int) -> int:
        """Tell which event of the tape a record is."""
        return self._place[partition][offset]

    def ms(self, partition: int, offset: int) -> int:
        """Tell when the broker took a record."""
        return self._at_ms[partition, offset]

    @staticmethod
    def _read(bootstrap: str, topic: str, counts: dict[int, int]) -> dict[tuple[int, int], int]:
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{topic}.times", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in counts])
        found: dict[tuple[int, int], int] = {}
        deadline = time.monotonic() + 60
        while len(found) < sum(counts.values()) and time.monotonic() < deadline:
            for message in consumer.consume(2000, 0.2):
                found[message.partition(), message.offset()] = message.timestamp()[1]
        consumer.close()
        return found


class Latency(NamedTuple):
    """Percentiles in milliseconds."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> "Latency":
        """Take the percentiles; NaN without values."""
        if not len(values):
            return cls(float("nan"), float("nan"), float("nan"))
        return cls(*(float(value) for value in np.percentile(np.asarray(values), (50, 90, 99))))


def spread(whole_ms: Sequence[int]) -> np.ndarray:
    """Spread times that were rounded to whole milliseconds evenly over the millisecond around each.

    Percentiles of a few whole numbers would jump by 1 ms; a difference of two rounded times is right on average.

    Args:
        whole_ms: differences of two times, each in whole milliseconds.

    Returns:
        float64, sorted, the same length.

    >>> spread([3, 2, 3]).tolist()
    [2.0, 2.75, 3.25]
    """
    values, counts = np.unique(np.asarray(whole_ms, np.float64), return_counts=True)
    steps = [value - 0.5 + (np.arange(n) + 0.5) / n for value, n in zip(values, counts, strict=True)]
    return np.concatenate([np.empty(0), *steps])
