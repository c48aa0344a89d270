"""A dead letter's identity: where its record stands, and when that arrived."""

import re
from typing import NamedTuple, Self

from schemas.topics import DEAD_OF, TopicName

REQUEUED_HEADER = "requeued"
"""Kafka header of a record sent again: the dead letter it comes from. The worker takes each letter once."""

_HEADER = re.compile(rb"([a-z.]{1,64})/([0-9]{1,9})/([0-9]{1,18})@([0-9]{1,15})")
_TYPED = re.compile(r"([a-z.]{1,64})/([0-9]{1,9})/([0-9]{1,18})")


class LetterId(NamedTuple):
    """Names a refused record; a topic that was created anew holds other records at the same places, at other times."""

    topic: TopicName
    partition: int
    offset: int
    arrived_ms: int

    def __str__(self) -> str:
        """Give what a person types.

        >>> str(LetterId("clickstream.events", 3, 1742, 0))
        'events/3/1742'
        """
        return f"{self.topic.rpartition('.')[2]}/{self.partition}/{self.offset}"

    def packed(self) -> int:
        """Give what tells it from other letters of its topic as one number: memory holds millions of them."""
        return (self.partition << 64 | self.offset) << 48 | self.arrived_ms

    def header(self) -> bytes:
        """Write the header `requeued`."""
        return f"{self.topic}/{self.partition}/{self.offset}@{self.arrived_ms}".encode()

    @classmethod
    def read(cls, header: bytes | None) -> Self | None:
        """Read the header `requeued`; None for anything that is none.

        >>> LetterId.read(LetterId("clickstream.events", 3, 1742, 12).header())
        LetterId(topic='clickstream.events', partition=3, offset=1742, arrived_ms=12)
        >>> LetterId.read(b"events/3/x") is None
        True
        """
        found = _HEADER.fullmatch(header or b"")
        topic = next((name for name in DEAD_OF if found and name.encode() == found[1]), None)
        if found is None or topic is None:
            return None
        return cls(topic, int(found[2]), int(found[3]), int(found[4]))


class Place(NamedTuple):
    """What a person typed to name a letter."""

    topic: TopicName
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read `events/3/1742`, or the same with the topic's whole name; None for anything else.

        >>> Place.parse("events/3/1742") == Place.parse("clickstream.events/3/1742") == ("clickstream.events", 3, 1742)
        True
        """
        found = _TYPED.fullmatch(text.strip())
        names = {alias: name for name in DEAD_OF for alias in (name, name.rpartition(".")[2])}
        if found is None or found[1] not in names:
            return None
        return cls(names[found[1]], int(found[2]), int(found[3]))
