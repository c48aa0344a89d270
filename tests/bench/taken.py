"""When the broker took each event, read behind the load."""

import time
from types import TracebackType
from typing import Any, Self


class Taken:
    """Read a topic's times, each record once.

    Args:
        bootstrap: the broker.
        topic: the events'; its timestamps are the broker's.
        partitions: of the topic.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        from confluent_kafka import Consumer, TopicPartition

        settings = {"bootstrap.servers": bootstrap, "group.id": f"{topic}.taken", "enable.auto.commit": False}
        self._consumer: Any = Consumer(settings)
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])

    def read(self, count: int) -> dict[tuple[int, int], int]:
        """Give the times of the next so many records, ms since 1970, by partition and offset."""
        found: dict[tuple[int, int], int] = {}
        deadline = time.monotonic() + 60
        while len(found) < count and time.monotonic() < deadline:
            for message in self._consumer.consume(min(2000, count - len(found)), 0.2):
                found[message.partition(), message.offset()] = message.timestamp()[1]
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
