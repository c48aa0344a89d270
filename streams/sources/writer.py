"""Writes records to a broker in order, with keys hashed as Kafka's own clients hash them."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from schemas.errors import RefusedError
from schemas.events import ORIGIN_HEADER
from schemas.topics import TopicName, Topics

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

Acked = Callable[[int, int, int], None]
"""Called with the partition, the offset and the arrival (ms) of an acknowledged record: the broker's time, or where it
keeps the producer's, when it was sent."""

_IN_ORDER = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "linger.ms": 2,
    "log_level": 3,  # what it mends by itself is nobody's business
}


class Writer:
    """An idempotent producer.

    Args:
        config: librdkafka's settings of this installation (servers, security).
        topics: the names of this installation.
    """

    def __init__(self, config: Mapping[str, object], topics: Topics) -> None:
        from confluent_kafka import Producer

        self._producer = Producer({**config, **_IN_ORDER})
        self._topics = topics
        self._failure = ""

    def write(
        self,
        topic: TopicName,
        key: bytes,
        value: bytes | None,
        *,
        origin: str | None = None,
        acked: Acked | None = None,
    ) -> None:
        """Send one record; blocks while the send buffer is full.

        Args:
            topic: logical name.
            key: decides the partition.
            value: None for a tombstone.
            origin: goes into the `origin` header; `import` lifts the limit on age.
            acked: called from `poll` or `flush` once the broker has the record.

        Raises:
            RefusedError: the broker refused an earlier record.
        """
        from confluent_kafka import KafkaException

        headers = [(ORIGIN_HEADER, origin.encode())] if origin else None
        sent_ms = time.time_ns() // 1_000_000
        while True:
            try:
                self._producer.produce(
                    self._topics[topic],
                    value,
                    key,
                    headers=headers,
                    on_delivery=self._report(acked, sent_ms),
                    timestamp=sent_ms,
                )
                break
            except BufferError:
                self.poll(0.1)
            except KafkaException as error:
                raise RefusedError(f"A record of {topic} cannot be sent: {error.args[0].str()}.") from None
        self.poll(0)

    def poll(self, timeout_s: float) -> None:
        """Run the callbacks that are due."""
        self._producer.poll(timeout_s)
        self._check()

    def flush(self, timeout_s: float = 60) -> None:
        """Wait until the broker has everything.

        Raises:
            RefusedError: it refused a record, or does not answer.
        """
        left = self._producer.flush(timeout_s)
        self._check()
        if left:
            raise RefusedError(f"The broker did not take {left} records within {timeout_s:.0f} s: run `aisle doctor`.")

    def close(self) -> None:
        """Give up what was not sent."""
        self._producer.purge()
        self._producer.flush(5)
        del self._producer  # the library has no other way to end its threads

    def _report(self, acked: Acked | None, sent_ms: int) -> "Callable[[KafkaError | None, Message], None]":
        def delivered(error: "KafkaError | None", message: "Message") -> None:
            if error is not None:
                self._failure = self._failure or f"{message.topic()}: {error.str()}"
            elif acked is not None:
                # The embedded broker claims a time of its own invention: nothing arrives before it was sent.
                acked(message.partition(), message.offset(), max(message.timestamp()[1], sent_ms))

        return delivered

    def _check(self) -> None:
        if self._failure:
            raise RefusedError(f"The broker did not take a record of {self._failure}: run `aisle doctor`.")
