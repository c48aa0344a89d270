"""The thread that reads slates from Kafka: where a start begins, and batches for the event loop."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streams.flow import LogRecord
from streams.kafka import confluent_config, is_embedded
from streams.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Message

log = logging.getLogger(__name__)

ANSWER_S = 5.0
POLL_S = 0.2
BATCH = 500
UNDER_WAY = 8
"""Batches on their way to the event loop; while it is busy the thread waits, and what is to be read stays in Kafka."""


class AwayError(Exception):
    """The broker does not answer."""


class SlateReader:
    """The thread and its consumer; questions go over a connection of their own, which no fetch holds up.

    Args:
        config: of `reader_config`.
        topic: on the broker.
        arrived: is given records, and partitions whose end was reached, in the loop.
        loop: the event loop.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        topic: str,
        arrived: Callable[[Sequence[LogRecord], Sequence[int]], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        from confluent_kafka import Consumer

        self.reading: set[int] = set()
        self.failure: Exception | None = None
        self._topic = topic
        self._arrived = arrived
        self._loop = loop
        self._consumer = Consumer(dict(config))
        self._asking = Consumer(dict(config))
        self._ended = threading.Event()
        self._room = threading.Semaphore(UNDER_WAY)
        self._thread = threading.Thread(target=self._run, name="slates", daemon=True)

    def partitions(self) -> set[int]:
        """Ask which partitions there are; all topics are asked for, since naming one may create it."""
        from confluent_kafka import KafkaException

        try:
            found = self._asking.list_topics(timeout=ANSWER_S).topics.get(self._topic)
        except KafkaException as error:
            raise AwayError(error.args[0].str()) from None
        return set() if found is None else set(found.partitions)

    def starts(self, partitions: Sequence[int], *, since_ms: int, most: int) -> dict[int, int]:
        """Find where to begin: at the first slate since a time, and at most so many before the end."""
        from confluent_kafka import KafkaException, TopicPartition

        try:
            reach = {
                p: self._asking.get_watermark_offsets(TopicPartition(self._topic, p), ANSWER_S) for p in partitions
            }
            since = dict.fromkeys(partitions, 0)
            if not is_embedded():  # which has no offsets for times
                asked = [TopicPartition(self._topic, p, since_ms) for p in partitions]
                since = {tp.partition: tp.offset for tp in self._asking.offsets_for_times(asked, ANSWER_S)}
        except KafkaException as error:
            raise AwayError(error.args[0].str()) from None
        # A negative answer is the end: nothing was written since.
        return {p: max(low, high - most, since[p] if since[p] >= 0 else high) for p, (low, high) in reach.items()}

    def begin(self, starts: Mapping[int, int]) -> None:
        """Read these partitions, too."""
        from confluent_kafka import TopicPartition

        self._consumer.assign([TopicPartition(self._topic, p, at) for p, at in starts.items()])
        self.reading |= set(starts)
        if not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """End the thread and let go of the broker."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close()
        self._asking.close()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                first = self._consumer.poll(POLL_S)
                if first is not None:
                    self._hand_over([first, *self._consumer.consume(BATCH - 1, 0)])
        except Exception as error:  # noqa: BLE001  the service raises it
            self.failure = error

    def _hand_over(self, messages: "list[Message]") -> None:
        from confluent_kafka import KafkaError

        records, ended = [], []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(_record(message))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  so it is called
                ended.append(message.partition())
            elif error.fatal() or not error.retriable():
                log.warning("%s: %s", self._topic, error.str())
        if (records or ended) and self._may_go_on():
            self._loop.call_soon_threadsafe(self._arrive, records, ended)

    def _may_go_on(self) -> bool:
        """Wait until the loop has taken what is under way; False where the end comes first."""
        while not self._ended.is_set():
            if self._room.acquire(timeout=POLL_S):
                return True
        return False

    def _arrive(self, records: Sequence[LogRecord], ended: Sequence[int]) -> None:
        try:
            self._arrived(records, ended)
        finally:
            self._room.release()


def reader_config(settings: Settings) -> dict[str, Any]:
    """Give librdkafka's settings of a reader."""
    return {
        **confluent_config(settings),
        "group.id": "aisle-gateway",  # librdkafka wants one; nothing is ever committed
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        # The embedded broker finds what came only when a fetch's wait is over.
        "fetch.wait.max.ms": 20 if is_embedded() else 500,
        "queued.max.messages.kbytes": 16_384,
        "reconnect.backoff.max.ms": 1000,
        "log_level": 2,  # what it mends by itself is nobody's business
    }


def _record(message: "Message") -> LogRecord:
    partition, offset = message.partition(), message.offset()
    return LogRecord(partition, offset, message.timestamp()[1], message.key(), message.value())
