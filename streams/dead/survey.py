"""Count the letters of a topic, by reason; keep nothing of them but their names."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappush, heappushpop

from schemas.errors import DecodeError, Reason
from schemas.letter_id import LetterId
from schemas.topics import DEAD_OF, TopicName
from streams.dead.letters import Head, Notes, Selection, id_of, is_note
from streams.dead.reading import Reader
from streams.flow import LogRecord
from streams.unreadable import unreadable


@dataclass
class Tally:
    """How many letters, when the records of the first and the last arrived, and how many were sent again since."""

    letters: int = 0
    first_ms: int = 1 << 62
    last_ms: int = 0
    requeued: int = 0

    def add(self, arrived_ms: int) -> None:
        """Count one."""
        self.letters += 1
        self.first_ms = min(self.first_ms, arrived_ms)
        self.last_ms = max(self.last_ms, arrived_ms)


class Survey:
    """A fold of one dead topic.

    A record that was refused twice, because its worker died in between, is one letter.

    Args:
        topic: whose letters they are.
        selection: which are counted.
        newest: so many, those whose records arrived last, are kept with their details.
    """

    def __init__(self, topic: TopicName, selection: Selection, *, newest: int = 0) -> None:
        self.topic = topic
        self._selection = selection
        self._seen: dict[int, Reason] = {}
        self._notes = Notes(topic)
        self.unreadable = 0
        self._most = newest
        self._last: list[tuple[int, int, LetterId, Head]] = []
        self.tallies: dict[Reason, Tally] = {}

    def take(self, record: LogRecord) -> None:
        """Take the next record."""
        try:
            if is_note(record):
                self._notes.take(record)
            else:
                self._count(Head.decode(record.value))
        except DecodeError as error:
            self.unreadable += 1
            unreadable(DEAD_OF[self.topic], str(error), partition=record.partition, offset=record.offset)

    @property
    def newest(self) -> list[tuple[LetterId, Head]]:
        """Give the letters kept, by arrival."""
        return [one[2:] for one in sorted(self._last)]

    def finish(self) -> None:
        """Say how many were sent again."""
        sent = (self._seen[number] for number in self._notes.sent if number in self._seen)
        for reason, count in Counter(sent).items():
            self.tallies[reason].requeued = count

    def _count(self, head: Head) -> None:
        letter = id_of(head.source)
        number = letter.packed()
        if number in self._seen or not self._selection.takes(letter, head.reason):
            return
        self._seen[number] = head.reason
        self.tallies.setdefault(head.reason, Tally()).add(letter.arrived_ms)
        if self._most:
            self._keep((letter.arrived_ms, number, letter, head))

    def _keep(self, one: tuple[int, int, LetterId, Head]) -> None:
        if len(self._last) < self._most:
            heappush(self._last, one)
        else:
            heappushpop(self._last, one)


async def survey(reader: Reader, one: Survey, *, advance: Callable[[int], None]) -> None:
    """Let a survey read its topic to the end it has now.

    Args:
        reader: of the broker.
        one: takes the records.
        advance: is told how many records were read.
    """
    async for records in reader.records(DEAD_OF[one.topic], {}, await reader.ends(DEAD_OF[one.topic])):
        for record in records:
            one.take(record)
        advance(len(records))
    one.finish()
