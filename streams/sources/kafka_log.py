"""The import log on Kafka."""

from collections.abc import Mapping

from schemas.errors import DecodeError, RefusedError
from schemas.events import Event
from schemas.topics import EVENTS, TopicName, Topics
from streams.sources.writer import Writer


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
            return {
                str(partition): self._consumer.get_watermark_offsets(TopicPartition(name, partition), self._timeout_s)[
                    1
                ]
                for partition in sorted(found.partitions)
            }
        except KafkaException as error:
            raise RefusedError(f"The broker does not answer ({error.args[0].str()}): run `aisle doctor`.") from None

    def events_since(self, ends: Mapping[str, int], prefix: str) -> set[str]:
        """Give the ids of events from these offsets up to the end that begin with `prefix`."""
        from confluent_kafka import TopicPartition

        name = self._topics[EVENTS]
        left = {int(p): end for p, end in self.ends(EVENTS).items() if end > ends[p]}
        self._consumer.assign([TopicPartition(name, partition, ends[str(partition)]) for partition in left])
        found = set()
        while left:
            message = self._consumer.poll(self._timeout_s)
            if message is None or message.error():
                raise RefusedError(f"The end of {name} cannot be read: run `aisle doctor`.")
            found |= _id_of(message.value(), prefix)
            if message.offset() + 1 >= left.get(message.partition(), 0):
                left.pop(message.partition(), None)
        self._consumer.unassign()
        return found

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
