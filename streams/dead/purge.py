"""Remove the oldest letters: of a log, only what stands before an offset can go."""

from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.errors import DecodeError
from schemas.topics import DEAD_OF, TopicName
from streams.dead.letters import Head, Notes, id_of, is_note
from streams.dead.reading import Reader
from streams.flow import LogRecord


@dataclass
class Purge:
    """A fold of one dead topic: what goes when letters whose records arrived before `to_ms` are removed.

    `before` is the offset by partition up to which the topic can be cut; `gone` holds the letters that go,
    `kept` counts the others, which have an arrival from `to_ms` on or stand behind one that has.
    """

    topic: TopicName
    to_ms: int
    before: dict[int, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    kept: int = 0

    def __post_init__(self) -> None:
        self._notes = Notes(self.topic)
        self._stopped: set[int] = set()

    def take(self, record: LogRecord) -> None:
        """Take the next record; one that cannot be read goes with those around it."""
        try:
            if is_note(record):
                self._notes.take(record)
            else:
                self._letter(record)
        except DecodeError:
            pass
        if record.partition not in self._stopped:
            self.before[record.partition] = record.offset + 1

    @property
    def unsent(self) -> int:
        """Count the letters that go and were never sent again."""
        return len(self.gone - self._notes.sent)

    def _letter(self, record: LogRecord) -> None:
        letter = id_of(Head.decode(record.value).source)
        if letter.arrived_ms >= self.to_ms:
            self._stopped.add(record.partition)
        if record.partition in self._stopped:
            self.kept += 1
        else:
            self.gone.add(letter.packed())


async def plan_purge(reader: Reader, topic: TopicName, to_ms: int, *, advance: Callable[[int], None]) -> Purge:
    """Find out what goes.

    Args:
        reader: of the broker.
        topic: whose letters they are.
        to_ms: letters whose records arrived from then on stay, milliseconds since 1970.
        advance: is told how many records were read.
    """
    purge = Purge(topic, to_ms)
    async for records in reader.records(DEAD_OF[topic], {}, await reader.ends(DEAD_OF[topic])):
        for record in records:
            purge.take(record)
        advance(len(records))
    return purge
