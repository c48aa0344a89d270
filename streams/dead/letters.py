"""What stands on a dead topic: letters, and notes of those that were sent again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from schemas.dead import DeadLetter, Requeue, Source
from schemas.errors import DecodeError, Reason
from schemas.letter_id import LetterId, Place
from schemas.record import MAX_OWN_BYTES, Record, epoch_ms
from schemas.topics import DEAD_OF, TopicName
from streams.flow import LogRecord

NOTE_HEADER = "note"
"""Kafka header of a `Requeue`; a letter has none of its own."""


class Head(Record):
    """A letter without its bytes."""

    MAX_BYTES: ClassVar[int] = MAX_OWN_BYTES

    reason: Reason
    detail: Annotated[str, StringConstraints(max_length=1024)]
    source: Source


def id_of(source: Source) -> LetterId:
    """Name a letter by its source.

    Raises:
        DecodeError: the source is no topic whose records are refused.
    """
    topic = next((name for name in DEAD_OF if name == source.topic), None)
    if topic is None:
        raise DecodeError("schema", "DeadLetter.source.topic: not a topic of aisle's")
    return LetterId(topic, source.partition, source.offset, epoch_ms(source.timestamp))


def read_letter(record: LogRecord) -> DeadLetter:
    """Read a whole letter.

    Raises:
        DecodeError: it is none, or names no source of ours.
    """
    letter = DeadLetter.decode(record.value)
    id_of(letter.source)
    return letter


def is_note(record: LogRecord) -> bool:
    """Tell a note from a letter."""
    return any(name == NOTE_HEADER for name, _ in record.headers)


@dataclass(frozen=True)
class Selection:
    """Which letters are meant: every condition that is set must hold.

    Args:
        reasons: any of these.
        from_ms: arrived then or later, milliseconds since 1970.
        to_ms: arrived before.
        places: any of these.
    """

    reasons: frozenset[Reason] = frozenset()
    from_ms: int = 0
    to_ms: int = 1 << 62
    places: frozenset[Place] = frozenset()

    def takes(self, letter: LetterId, reason: Reason) -> bool:
        """Tell whether a letter is meant."""
        return (
            self.from_ms <= letter.arrived_ms < self.to_ms
            and (not self.reasons or reason in self.reasons)
            and (not self.places or Place(*letter[:3]) in self.places)
        )


@dataclass
class Notes:
    """Which letters of a topic were sent again, as the notes say.

    `sent` holds packed ids; `begun` those that were perhaps sent, with where the source's partitions ended before.
    """

    topic: TopicName
    sent: set[int] = field(default_factory=set)
    begun: dict[int, Mapping[int, int]] = field(default_factory=dict)

    def take(self, record: LogRecord) -> None:
        """Take the next note.

        Raises:
            DecodeError: it cannot be read.
        """
        note = Requeue.decode(record.value)
        for letter in note.letters:
            number = LetterId(self.topic, record.partition, *letter).packed()
            if note.requeue == "sending":
                self.begun.setdefault(number, note.ends)  # the first: it may have come through
            else:
                self.sent.add(number)

    def open(self) -> dict[int, Mapping[int, int]]:
        """Give those of whom it is not known whether they were sent, with where to look for them."""
        return {number: ends for number, ends in self.begun.items() if number not in self.sent}


def lowest(ends: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Give the lowest offset of each partition.

    >>> lowest([{0: 5, 1: 2}, {0: 3}])
    {0: 3, 1: 2}
    """
    found: dict[int, int] = {}
    for each in ends:
        found |= {partition: min(end, found.get(partition, end)) for partition, end in each.items()}
    return found
