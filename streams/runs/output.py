"""What comes out while a run goes on: slates, dead letters, and the visitors' contexts where they are wanted."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import orjson

from schemas.errors import RefusedError
from schemas.slates import JudgedBy, of_campaign
from schemas.topics import CHANGELOG, EVENTS, EVENTS_DEAD, JUDGEMENTS, PRODUCTS_DEAD, SLATES, Topics
from streams.kafka import is_embedded
from streams.partitions import WATERMARK_KEY

if TYPE_CHECKING:
    from confluent_kafka import Message

_TIMEOUT_S = 10
_RETRY_S = 0.1


class Emitted(NamedTuple):
    """A slate as it stands in the log: what a run counts, without validating what this build just wrote."""

    placement: str
    products: list[str]
    partition: int
    cause: int
    appended_ms: int
    value: bytes
    revision: int = 0
    judged: JudgedBy | None = None
    visitor_id: str = ""


class Logged(NamedTuple):
    """An event as it stands in the log, whoever sent it."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None


class Output:
    """Reads `recommendations`, the dead letters and what else is wanted from their start, without a group.

    Args:
        config: librdkafka's settings of this installation.
        topics: names of this run.
        taken: called with every slate.
        contexts: keep every visitor's last context.
        judgement: called with key and value of every record of `judgements`, which is not read without.
        event: called with every event, which are not read without.

    Attributes:
        dead_letters: how many there were.
        contexts: the contexts as encoded, by visitor.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        topics: Topics,
        taken: Callable[[Emitted], object],
        *,
        contexts: bool = False,
        judgement: Callable[[bytes, bytes | None], object] | None = None,
        event: Callable[[Logged], object] | None = None,
    ) -> None:
        from confluent_kafka import Consumer

        self._topics = topics
        self._taken = taken
        self._judgement = judgement
        self._event = event
        given = {CHANGELOG: contexts, JUDGEMENTS: judgement, EVENTS: event}
        self._read = [SLATES, EVENTS_DEAD, PRODUCTS_DEAD, *(name for name, wanted in given.items() if wanted)]
        self.dead_letters = 0
        self.contexts: dict[str, bytes] = {}
        self._next: dict[tuple[str, int], int] = {}
        reading = {
            **config,
            "group.id": "aisle-run",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            # The embedded broker finds what came only when a fetch's wait is over.
            "fetch.wait.max.ms": 20 if is_embedded() else 500,
        }
        self._consumer = Consumer(reading)
        self._asking = Consumer(reading)  # a connection of its own: no question waits until a fetch is over

    def open(self) -> None:
        """Find the partitions and begin at their start."""
        from confluent_kafka import TopicPartition

        known = self._consumer.list_topics(timeout=_TIMEOUT_S).topics
        names = [self._topics[name] for name in self._read]
        places = [(name, partition) for name in names for partition in known[name].partitions]
        self._next = dict.fromkeys(places, 0)
        self._consumer.assign([TopicPartition(name, partition, 0) for name, partition in places])

    def poll(self, timeout_s: float) -> int:
        """Take what has come; returns how many records.

        Raises:
            RefusedError: the broker fails, or dropped records that were never read.
        """
        messages = self._consumer.consume(1000, timeout_s)
        for message in messages:
            if message.error() is not None:
                raise RefusedError(f"Slates cannot be read ({message.error().str()}): run `aisle doctor`.")
            self._one(message)
        return len(messages)

    def drain(self) -> None:
        """Read to the end as it is now."""
        while any(self._next[place] < end for place, end in self._ends().items()):
            self.poll(0.1)

    def end_of(self, topic: str, partition: int) -> int:
        """Give the next offset of a topic of the broker.

        Raises:
            RefusedError: the broker does not tell.
        """
        from confluent_kafka import KafkaException, TopicPartition

        until = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                end: int = self._asking.get_watermark_offsets(TopicPartition(topic, partition), _TIMEOUT_S)[1]
            except KafkaException as error:  # a topic just made has no leader yet
                if time.monotonic() > until:
                    raise RefusedError(f"{topic} cannot be read ({error.args[0].str()}): run `aisle doctor`.") from None
                time.sleep(_RETRY_S)
            else:
                return end

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()
        self._asking.close()

    def _ends(self) -> dict[tuple[str, int], int]:
        return {place: self.end_of(*place) for place in self._next}

    def _one(self, message: "Message") -> None:
        place = (message.topic(), message.partition())
        if message.offset() != self._next[place] and place[0] != self._topics[JUDGEMENTS]:  # whose newest suffice
            raise RefusedError(
                f"{place[0]} jumps from offset {self._next[place]} to {message.offset()}: the broker dropped records "
                "before they were read. Use `--broker maven` or your own broker."
            )
        self._next[place] = message.offset() + 1
        if place[0] == self._topics[SLATES]:
            if (slate := _emitted(message)) is not None:
                self._taken(slate)
        elif place[0] == self._topics[CHANGELOG]:
            self._keep(message.key(), message.value())
        elif self._judgement is not None and place[0] == self._topics[JUDGEMENTS]:
            self._judgement(message.key(), message.value())
        elif self._event is not None and place[0] == self._topics[EVENTS]:
            self._event(Logged(message.partition(), message.offset(), message.key() or b"", message.value()))
        else:
            self.dead_letters += 1

    def _keep(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.contexts.pop(key.decode(), None)
        elif key != WATERMARK_KEY:
            self.contexts[key.decode()] = value


def _emitted(message: "Message") -> Emitted | None:
    """Read a slate; None for a campaign's, which answers none of the run's events."""
    slate = orjson.loads(message.value())
    if of_campaign(slate["slate_id"]):
        return None
    return Emitted(
        placement=slate["placement"],
        products=[item["product_id"] for item in slate["items"]],
        partition=message.partition(),
        cause=slate["cause"]["offset"],
        appended_ms=message.timestamp()[1],
        value=message.value(),
        revision=slate["revision"],
        judged=JudgedBy.model_validate(slate["judged"]) if "judged" in slate else None,
        visitor_id=slate["visitor_id"],
    )
