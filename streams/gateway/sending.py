"""Events to Kafka: acknowledged or not, within a bounded time and a bounded memory."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from schemas.errors import RefusedError, RetryError
from schemas.events import SENDER_HEADER, Sender
from schemas.topics import EVENTS
from streams.gateway.cleaning import Taken
from streams.kafka import confluent_config
from streams.settings import Settings
from streams.telemetry import gauge, observe

log = logging.getLogger(__name__)

TICK_S = 0.001
"""Delivery reports are fetched so often while any is due: by the loop itself, since a thread of its own would have to
wait for the interpreter's lock once for every report."""

IDLE_S = 1.0
FLUSH_S = 5.0
"""At the end, what was taken has so long to get out."""

LOOK_S = 1.0
RENEW_S = 1.0
"""A producer lives at least so long: where each fails at once, making more of them mends nothing."""

QUEUE_KBYTES = 256 * 1024

_IN_ORDER: Mapping[str, object] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "linger.ms": 1,
    "socket.nagle.disable": True,
    "queue.buffering.max.kbytes": QUEUE_KBYTES,
    "reconnect.backoff.max.ms": 1000,
    "socket.connection.setup.timeout.ms": 5000,
    "topic.metadata.refresh.interval.ms": 30_000,
    "log_level": 3,
}


class BusyError(RetryError):
    """Nothing was sent: too much waits already, or there is no topic to send to yet."""


class EventLog(Protocol):
    """Where the collector puts events."""

    async def send(self, records: Sequence[Taken], sender: Sender) -> frozenset[int]:
        """Write records, in order for each visitor, and wait.

        Returns:
            the places of those that were not acknowledged; they may still be written later.

        Raises:
            BusyError: none was written.
        """


class KafkaEventLog:
    """One idempotent producer, and another in its place if it fails for good; a service beside the requests.

    Args:
        settings: the installation's.
        make: makes a producer of librdkafka's settings.
        clock: seconds.

    Raises:
        RefusedError: no brokers are set.
    """

    name = "event log"

    def __init__(
        self,
        settings: Settings,
        *,
        make: Callable[[dict[str, Any]], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = settings.topics[EVENTS]
        self._wait_s = settings.gateway_buffer_s
        self._most = settings.gateway_buffer_records
        self._config = {
            **confluent_config(settings),
            **_IN_ORDER,
            "message.timeout.ms": int(self._wait_s * 1000),
            "queue.buffering.max.messages": 2 * self._most,
            "error_cb": self._failed,
            "logger": logging.getLogger("librdkafka"),
        }
        self._make = make or _producer
        self._clock = clock
        self._producer: Any = None
        self._why_not = "the producer has not started"
        self._fatal = False
        self._renewed = -RENEW_S
        self._moved = clock()
        self._busy = asyncio.Event()

    async def run(self) -> None:
        """Find the topic, then fetch delivery reports, until cancelled; then get out what was taken."""
        self._producer = self._make(self._config)
        try:
            while self._why_not:
                self._why_not = await asyncio.to_thread(self._look)
                await asyncio.sleep(LOOK_S if self._why_not else 0)
            while True:
                await self._reports()
        finally:
            if left := self._producer.flush(FLUSH_S):
                log.warning("%d events did not get to Kafka; nobody was told that they did", left)
            self._why_not, self._producer = "the gateway ends", None  # the library has no other way to end its threads

    def lacks(self) -> list[str]:
        """Say what is missing since the start; a broker that leaves later is waited for."""
        return [self._why_not] if self._why_not else []

    def stuck(self) -> list[str]:
        """Say so if reports are due that should have come long ago, if only as failures."""
        overdue_s = self._clock() - self._moved - 2 * self._wait_s - IDLE_S
        return ["nothing is heard of events that were sent"] if self._waiting() and overdue_s > 0 else []

    async def send(self, records: Sequence[Taken], sender: Sender) -> frozenset[int]:
        """Write records and wait; see `EventLog`."""
        waiting = self._waiting()
        if self._why_not:
            raise BusyError(self._why_not)
        if waiting and waiting + len(records) > self._most:
            raise BusyError(f"{waiting} events wait for the broker")
        began = self._clock()
        request = _Request(len(records))
        headers = [(SENDER_HEADER, sender.encode())]
        for place, record in enumerate(records):
            if not self._produce(record, headers, partial(self._report, request, place)):
                request.give_up(len(records) - place)
                break
        self._busy.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                await request.done
        observe("gateway_ack_seconds", self._clock() - began)
        return frozenset(request.missing)

    def _produce(self, record: Taken, headers: list[tuple[str, bytes]], report: Callable[..., None]) -> bool:
        """Hand one record to librdkafka; False where it takes none."""
        from confluent_kafka import KafkaException

        for _ in range(2):
            try:
                self._producer.produce(self._topic, record.value, record.key, headers=headers, on_delivery=report)
            except BufferError:
                return False
            except KafkaException as error:
                if not error.args[0].fatal():
                    return False
                self._renew()
            else:
                return True
        return False

    async def _reports(self) -> None:
        """Fetch what reports there are, soon again while more are due."""
        if not self._waiting():
            self._busy.clear()
            self._moved = self._clock()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._busy.wait(), IDLE_S)
        if self._producer.poll(0):
            self._moved = self._clock()
        if self._fatal:
            self._renew()
        gauge("gateway_waiting", self._waiting())
        await asyncio.sleep(TICK_S)

    def _report(self, request: "_Request", place: int, error: Any, _: Any) -> None:
        if error is not None and error.fatal():
            self._fatal = True
        request.report(place, fine=error is None)

    def _failed(self, error: Any) -> None:
        """Hear of what concerns no record; librdkafka mends what is not fatal."""
        if error.fatal():
            self._fatal = True

    def _renew(self) -> None:
        """Go on with a new producer; what the old one still had counts as not acknowledged."""
        if self._clock() < self._renewed + RENEW_S:
            return
        log.warning("the producer failed for good and is replaced")
        self._renewed = self._clock()
        old, self._producer = self._producer, self._make(self._config)
        old.purge()
        old.flush(1)
        self._fatal = False  # the last reports of the old one say it again

    def _look(self) -> str:
        """Say why events cannot be sent yet; "" if they can. All topics are asked for: naming one may create it."""
        from confluent_kafka import KafkaException

        try:
            found = self._producer.list_topics(timeout=5).topics.get(self._topic)
        except KafkaException as error:
            return f"the broker does not answer ({error.args[0].str()})"
        return "" if found is not None and found.partitions else f"there is no topic {self._topic}"

    def _waiting(self) -> int:
        return 0 if self._producer is None else len(self._producer)


class _Request:
    """What is still awaited of one request."""

    def __init__(self, count: int) -> None:
        self.missing = set(range(count))
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._due = count

    def report(self, place: int, *, fine: bool) -> None:
        """Hear of one record."""
        if fine:
            self.missing.discard(place)
        self.give_up(1)

    def give_up(self, count: int) -> None:
        """Expect so many reports less."""
        self._due -= count
        if self._due <= 0 and not self.done.done():
            self.done.set_result(None)


def _producer(config: dict[str, Any]) -> Any:
    """Make a producer of librdkafka's."""
    from confluent_kafka import KafkaException, Producer

    try:
        return Producer(config)
    except KafkaException as error:
        raise RefusedError(f"No producer can be made ({error.args[0].str()}): check AISLE_KAFKA_*.") from None
