"""A topic of events as a history: another shop's clickstream, or one that was kept elsewhere."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from schemas.errors import DecodeError, RefusedError
from schemas.events import Event, of_context
from schemas.products import Product
from schemas.record import epoch_ms

if TYPE_CHECKING:
    from confluent_kafka import Consumer


class EventTopic:
    """A stretch of a topic whose records are events.

    Args:
        config: librdkafka's settings of the broker (servers, security).
        topic: name on the broker.
        since: first offset of each partition; absent: the oldest.
        until: where each ends.
        timeout_s: longest wait for an answer.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        topic: str,
        *,
        since: Mapping[int, int],
        until: Mapping[int, int],
        timeout_s: float = 10,
    ) -> None:
        self._config = config
        self._topic = topic
        self._since = since
        self._until = until
        self._timeout_s = timeout_s
        self.refused: Counter[str] = Counter()
        self.taken = 0

    @property
    def id_prefix(self) -> str:
        """Give none: the ids are others'."""
        return ""

    @property
    def rows(self) -> int:
        """Count the offsets there are to read."""
        return sum(max(0, end - self._since.get(partition, 0)) for partition, end in self._until.items())

    def products(self) -> Iterator[Product]:
        """Give none: events name products, they do not describe them."""
        yield from ()

    def events(self) -> Iterator[Event]:
        """Give the events in event-time order; ties by partition and offset. Sorted on disk, whatever the size."""
        self.refused, self.taken = Counter(), 0
        with closing(sqlite3.connect("")) as database:
            database.execute("CREATE TABLE events (at INTEGER, partition INTEGER, offset INTEGER, value BLOB)")
            database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", self._rows())
            for (value,) in database.execute("SELECT value FROM events ORDER BY at, partition, offset"):
                self.taken += 1
                yield Event.decode(value)

    def _rows(self) -> Iterator[tuple[int, int, int, bytes]]:
        for partition, offset, value in self._records():
            try:
                event = Event.decode(value)
            except DecodeError as error:
                self.refused[error.reason] += 1
                continue
            if not of_context(event.visitor_id):  # the gateway's own questions are nobody's history
                yield epoch_ms(event.at), partition, offset, value or b""

    def _records(self) -> Iterator[tuple[int, int, bytes | None]]:
        from confluent_kafka import OFFSET_BEGINNING, TopicPartition

        left = {p: end for p, end in self._until.items() if end > self._since.get(p, 0)}
        with closing(_consumer(self._config)) as consumer:
            consumer.assign([TopicPartition(self._topic, p, self._since.get(p, OFFSET_BEGINNING)) for p in left])
            while left:
                message = consumer.poll(self._timeout_s)
                if message is None:
                    raise RefusedError(f"The end of {self._topic} cannot be read: run `aisle doctor`.")
                partition = message.partition()
                if message.error() is None and message.offset() < left.get(partition, 0):
                    yield partition, message.offset(), message.value()
                if message.error() is not None or message.offset() + 1 >= left.get(partition, 0):
                    left.pop(partition, None)


def topic_ends(config: Mapping[str, object], topic: str, *, timeout_s: float = 10) -> dict[int, int]:
    """Give where the partitions of a topic end now.

    Raises:
        RefusedError: there is no such topic, or no answer.
    """
    from confluent_kafka import KafkaException, TopicPartition

    with closing(_consumer(config)) as consumer:
        try:
            found = consumer.list_topics(timeout=timeout_s).topics.get(topic)
            if found is None or not found.partitions:
                raise RefusedError(f"{topic} is neither a file nor a topic.")
            return {
                p: int(consumer.get_watermark_offsets(TopicPartition(topic, p), timeout_s)[1])
                for p in sorted(found.partitions)
            }
        except KafkaException as error:
            raise RefusedError(f"The broker does not answer ({error.args[0].str()}): run `aisle doctor`.") from None


def _consumer(config: Mapping[str, object]) -> "Consumer":
    from confluent_kafka import Consumer

    return Consumer({**config, "group.id": "aisle-import", "enable.auto.commit": False, "enable.partition.eof": True})
