"""The import log on Kafka."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from schemas.errors import DecodeError, RefusedError
from schemas.events import Event
from schemas.topics import EVENTS, TopicName, Topics
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
        from confluent_kafka import TopicPartition

        name = self._topics[EVENTS]
        left = {int(p): end for p, end in self.ends(EVENTS).items() if end > ends[p]}
        self._consumer.assign([TopicPartition(name, partition, ends[str(partition)]) for partition in left])
        found = set()
        while left:
            message = self._next()
            if message.error() is None:
                found |= _id_of(message.value(), prefix)
            if message.error() is not None or message.offset() + 1 >= left.get(message.partition(), 0):
                left.pop(message.partition(), None)
        self._consumer.unassign()
        return found

    def _next(self) -> "Message":
        """Wait for a record, or for the notice that a partition is read to its end."""
        from confluent_kafka import KafkaError

        message = self._consumer.poll(self._timeout_s)
        error = None if message is None else message.error()
        if message is None or (error is not None and error.code() != KafkaError._PARTITION_EOF):  # noqa: SLF001  its name
            raise RefusedError(f"The end of {self._topics[EVENTS]} cannot be read: run `aisle doctor`.")
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
