"""The import log on Kafka."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from schemas.errors import DecodeError, RefusedError
from schemas.events import Event
from schemas.topics import EVENTS, PRODUCTS, TopicName, Topics
from streams.sources.writer import Writer

if TYPE_CHECKING:
    from confluent_kafka import Message, TopicPartition


class KafkaLog(Writer):
    """Writes, and reads back what the end of the log holds.

    Args:
        config: librdkafka's settings of this installation (servers, security).
        topics: the names of this installation.
        timeout_s: longest wait for an answer.
    """

    def __init__(self, config: Mapping[str, object], topics: Topics, *, timeout_s: float = 10) -> None:
        self._timeout_s = timeout_s
        super().__init__(config, topics)
        from confluent_kafka import Consumer

        # A group is required and never used: nothing is committed, partitions are assigned by hand.
        self._consumer = Consumer(
            {
                **config,
                "group.id": "aisle-import",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
            }
        )

    def ends(self, topic: TopicName) -> Mapping[str, int]:
        """Give the next offset of each partition.

        Raises:
            RefusedError: there is no such topic, or the broker does not answer.
        """
        from confluent_kafka import KafkaException, TopicPartition

        name = self._topics[topic]
        try:
            found = self._consumer.list_topics(timeout=self._timeout_s).topics.get(name)
            if found is None or not found.partitions:
                raise RefusedError(f"There is no topic {name}: run `aisle topics create`.")
            return {str(p): self._end(TopicPartition(name, p)) for p in sorted(found.partitions)}
        except KafkaException as error:
            raise RefusedError(f"The broker does not answer ({error.args[0].str()}): run `aisle doctor`.") from None

    def _end(self, partition: "TopicPartition") -> int:
        """Ask for a partition's next offset, again while a topic just made has no leader yet."""
        from confluent_kafka import KafkaError, KafkaException

        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                return int(self._consumer.get_watermark_offsets(partition, self._timeout_s)[1])
            except KafkaException as error:
                settling = error.args[0].code() in {
                    KafkaError.NOT_LEADER_FOR_PARTITION,
                    KafkaError.LEADER_NOT_AVAILABLE,
                }
                if not settling or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def events_since(self, ends: Mapping[str, int], prefix: str) -> set[str]:
        """Give the ids of events from these offsets up to the end that begin with `prefix`.

        What retention took away is not there; the last offsets before an end may hold no record at all (a transaction's
        marker takes one).

        Raises:
            RefusedError: the log cannot be read.
        """
        return {found for message in self._read(EVENTS, ends) for found in _id_of(message.value(), prefix)}

    def product_ids(self) -> set[str]:
        """Give the products that `catalog.products` holds now.

        Raises:
            RefusedError: the log cannot be read.
        """
        newest = {message.key(): message.value() for message in self._read(PRODUCTS, {})}
        return {key.decode(errors="replace") for key, value in newest.items() if key and value is not None}

    def _read(self, topic: TopicName, starts: Mapping[str, int]) -> Iterator["Message"]:
        """Read a topic from these offsets (or its start) up to its end as it is now."""
        from confluent_kafka import OFFSET_BEGINNING, TopicPartition

        left = {int(p): end for p, end in self.ends(topic).items() if end > starts.get(p, 0)}
        name = self._topics[topic]
        self._consumer.assign([TopicPartition(name, p, starts.get(str(p), OFFSET_BEGINNING)) for p in left])
        while left:
            message = self._next(name)
            if message.error() is None:
                yield message
            if message.error() is not None or message.offset() + 1 >= left.get(message.partition(), 0):
                left.pop(message.partition(), None)
        self._consumer.unassign()

    def _next(self, name: str) -> "Message":
        """Wait for a record, or for the notice that a partition is read to its end."""
        from confluent_kafka import KafkaError

        message = self._consumer.poll(self._timeout_s)
        error = None if message is None else message.error()
        if message is None or (error is not None and error.code() != KafkaError._PARTITION_EOF):  # noqa: SLF001  its name
            raise RefusedError(f"The end of {name} cannot be read: run `aisle doctor`.")
        return message

    def close(self) -> None:
        """Let go of the broker."""
        super().close()
        self._consumer.close()


def _id_of(value: bytes | None, prefix: str) -> set[str]:
    """Give a record's event id if it begins with `prefix`; what is no event has none."""
    try:
        event_id = Event.decode(value).event_id
    except DecodeError:
        return set()
    return {event_id} if event_id.startswith(prefix) else set()
