"""Send letters again, each once, also when this is killed half-way and started again.

Before a few letters are sent, a note beside them says so and where the source topic ended; after the broker has them, a
second note says that. Whoever starts next counts as sent what the second notes name, and looks in the source topic for
what only the first ones do. What that cannot see, such as two who send at once, the worker does: it takes each letter
once, by the header `requeued`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from schemas.dead import DeadLetter, Requeue
from schemas.errors import DecodeError
from schemas.letter_id import LetterId
from schemas.topics import DEAD_OF, TopicName, Topics
from streams.dead.letters import NOTE_HEADER, Notes, Selection, id_of, is_note, lowest, read_letter
from streams.dead.mending import Left, Mending, Ready, Stays
from streams.dead.newest import Newest
from streams.dead.reading import Reader
from streams.flow import LogRecord
from streams.requeued import letter_of
from streams.unreadable import unreadable
from streams.writer import Row, Writer

AT_ONCE = 500
AT_ONCE_BYTES = 4_000_000
EXAMPLES = 3


@dataclass
class Report:
    """What became of the selected letters.

    `sent` counts what was sent, or would be; `already` what was sent before; `stays` the others, by why; `refused`
    those of them whose decoder still refuses them, by its reason. Some examples of each.
    """

    topic: TopicName
    selected: int = 0
    sent: int = 0
    already: int = 0
    unreadable: int = 0
    stays: Counter[Stays] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    ready: list[Ready] = field(default_factory=list)
    left: dict[Stays, list[Left]] = field(default_factory=lambda: defaultdict(list))

    def leave(self, one: Left) -> None:
        """Count a letter that stays."""
        self.stays[one.why] += 1
        if one.reason is not None:
            self.refused[one.reason] += 1
        if len(self.left[one.why]) < EXAMPLES:
            self.left[one.why].append(one)

    def send(self, batch: Iterable[Ready]) -> None:
        """Count letters that are sent, or would be."""
        for one in batch:
            self.sent += 1
            if len(self.ready) < EXAMPLES:
                self.ready.append(one)


class Requeuer:
    """Sends the selected letters of one topic again.

    Args:
        reader: of the broker.
        writer: to it, started; None: say only what would be sent.
        topics: names on the broker.
        mending: makes records of letters.
        selection: which letters.
        newest: for products: which records there are.
        advance: is told how many records of the dead topic were read, of twice as many as there are.
    """

    def __init__(
        self,
        reader: Reader,
        writer: Writer | None,
        topics: Topics,
        *,
        mending: Mending,
        selection: Selection,
        newest: Newest | None = None,
        advance: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._topics = topics
        self._mending = mending
        self._selection = selection
        self._newest = newest
        self._advance = advance
        self._topic = mending.topic
        self._dead = DEAD_OF[self._topic]
        self._report = Report(self._topic)

    async def run(self) -> Report:
        """Look for what was sent before, then send what is left."""
        ends = await self._reader.ends(self._dead)
        source = await self._reader.ends(self._topic)
        notes = Notes(self._topic)
        async for records in self._reader.records(self._dead, {}, ends):
            for record in filter(is_note, records):
                self._readable(record, notes.take)
            self._advance(len(records))
        sent = notes.sent | await self._landed(notes, source)
        await self._send_all(ends, sent)
        return self._report

    async def _landed(self, notes: Notes, ends: dict[int, int]) -> set[int]:
        """Find the letters that were sent although nobody lived to say so, and say so."""
        begun = notes.open()
        starts = lowest(begun.values())
        landed: set[LetterId] = set()
        async for records in self._reader.records(self._topic, starts, {p: ends[p] for p in starts if p in ends}):
            for record in records:
                letter = letter_of(record.headers)
                if letter is not None and letter.topic == self._topic and letter.packed() in begun:
                    landed.add(letter)
        if landed:
            await self._note("sent", landed)
        return {letter.packed() for letter in landed}

    async def _send_all(self, ends: dict[int, int], sent: set[int]) -> None:
        seen: set[int] = set()
        batch: list[Ready] = []
        async for records in self._reader.records(self._dead, {}, ends):
            for letter in self._selected(records, seen):
                if id_of(letter.source).packed() in sent:
                    self._report.already += 1
                    continue
                one = self._mending(letter)
                if isinstance(one, Left):
                    self._report.leave(one)
                else:
                    batch.append(one)
            self._advance(len(records))
            batch = await self._send_full(batch)
        await self._send(batch)

    def _selected(self, records: Iterable[LogRecord], seen: set[int]) -> Iterator[DeadLetter]:
        letters: list[DeadLetter] = []
        for record in records:
            if not is_note(record):
                self._readable(record, lambda one: letters.append(read_letter(one)))
        for letter in letters:
            name = id_of(letter.source)
            if self._selection.takes(name, letter.reason) and name.packed() not in seen:
                seen.add(name.packed())
                self._report.selected += 1
                yield letter

    def _readable(self, record: LogRecord, take: Callable[[LogRecord], None]) -> None:
        try:
            take(record)
        except DecodeError as error:
            self._report.unreadable += 1
            unreadable(self._dead, str(error), partition=record.partition, offset=record.offset)

    async def _send_full(self, batch: list[Ready]) -> list[Ready]:
        """Send as long as there is a full load; give back the rest."""
        while len(batch) >= AT_ONCE or sum(len(one.row.value or b"") for one in batch) >= AT_ONCE_BYTES:
            await self._send(batch[:AT_ONCE])
            batch = batch[AT_ONCE:]
        return batch

    async def _send(self, batch: list[Ready]) -> None:
        batch = await self._current(batch)
        if self._writer is not None and batch:
            letters = [one.letter for one in batch]
            await self._note("sending", letters)
            rows: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
            for one in batch:
                rows[self._topics[self._topic], one.partition].append(one.row)
            await self._writer.write(rows)
            await self._note("sent", letters)
        self._report.send(batch)

    async def _current(self, batch: list[Ready]) -> list[Ready]:
        """Leave out products of which there is a newer record by now."""
        if self._newest is None:
            return batch
        await self._newest.catch_up()
        current = []
        for one in batch:
            if self._newest.overtakes(one.row.key or b"", one.letter):
                self._report.leave(Left(one.letter, "newer", "a newer record of this product is there"))
            else:
                current.append(one)
        return current

    async def _note(self, state: Literal["sending", "sent"], letters: Iterable[LetterId]) -> None:
        if self._writer is None:
            return
        ends = await self._reader.ends(self._topic) if state == "sending" else {}
        places: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for letter in letters:
            places[letter.partition].append((letter.offset, letter.arrived_ms))
        name = self._topics[self._dead]
        await self._writer.write(
            {
                (name, partition): [_note_row(Requeue(requeue=state, letters=tuple(kept), ends=ends))]
                for partition, kept in places.items()
            }
        )


def _note_row(note: Requeue) -> Row:
    return Row(None, note.encode(), ((NOTE_HEADER, note.requeue.encode()),))
