"""A steady load of known events, from a producer that loses and doubles nothing, whatever happens to the broker."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from schemas.slates import slate_id
from schemas.topics import EVENTS, Topics
from tests.faults.shoppers import Sent, Shoppers

FLUSH_S = 120.0


class Load:
    """Send events from a thread of its own, until it is closed.

    Args:
        bootstrap: the broker.
        topics: names on it.
        shoppers: make the events.
        rate: events a second.
    """

    def __init__(self, bootstrap: str, topics: Topics, shoppers: Shoppers, *, rate: float) -> None:
        self._producer: Any = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 2,
                "message.max.bytes": 4_000_000,
                "delivery.timeout.ms": 600_000,
                "reconnect.backoff.max.ms": 500,
                "log_level": 2,
            }
        )
        self._topic = topics[EVENTS]
        self._shoppers = shoppers
        self._pause_s = 1 / rate
        self._lock = threading.Lock()
        self._ends: dict[int, int] = {}
        self._failed: list[str] = []
        self._going, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Go on sending."""
        self._going.set()

    def pause(self) -> None:
        """Stop sending, and wait until the broker has everything.

        Raises:
            AssertionError: it does not take everything in two minutes, or refused something.
        """
        self._going.clear()
        with self._lock:
            left = self._producer.flush(FLUSH_S)
        assert not left, f"{left} events were not taken by the broker within {FLUSH_S:.0f} s"
        assert not self._failed, f"the broker refused events of the load: {self._failed[:3]}"

    def burst(self, count: int) -> None:
        """Send so many at once, so that there are batches worth the name."""
        with self._lock:
            for _ in range(count):
                self._send(self._shoppers.next())

    def send(self, sent: Sent) -> None:
        """Send one record that no shopper makes."""
        with self._lock:
            self._send(sent)

    def ends(self) -> Mapping[int, int]:
        """Give, by partition, one after the offset of the last event that the broker has acknowledged."""
        return dict(self._ends)

    def forget_ends(self) -> None:
        """Begin counting anew: the topic is another one."""
        self._ends.clear()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self._going.set()
        self._thread.join()
        self._producer.purge()
        self._producer.flush(5)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            if not self._going.is_set():
                self._going.wait()
                due = time.monotonic()
                continue
            with self._lock:
                self._send(self._shoppers.next())
            due = max(due + self._pause_s, time.monotonic() - 1.0)
            self._over.wait(max(0.0, due - time.monotonic()))

    def _send(self, sent: Sent) -> None:
        self._producer.produce(self._topic, sent.value, sent.key, on_delivery=self._delivered)
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))
            return
        partition, offset = int(message.partition() or 0), int(message.offset() or 0)
        self._ends[partition] = max(self._ends.get(partition, 0), offset + 1)
        if key := message.key():
            at = {"topic": EVENTS, "partition": partition, "offset": offset}
            self._shoppers.served(bytes(key).decode(), slate_id(**at, placement="home"))
