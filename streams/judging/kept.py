"""What the judge knows of its own log: all tables as they were written, and what each partition has spent."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.errors import DecodeError
from schemas.judgements import SPENDING_KEY, JudgementTable, Spending
from schemas.topics import JUDGEMENTS, TopicName
from streams.asking import REQUEST_PARTITIONS
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.unreadable import unreadable


class Kept(NamedTuple):
    """One table's bytes, where they stand, and when they were written in ms since 1970."""

    data: bytes
    offset: int
    written_ms: int


class KeptTables:
    """A fold of `judgements`; a table is read when its key's turn comes.

    `spending` is the last record of each partition of the requests.
    """

    topic: TopicName = JUDGEMENTS

    def __init__(self) -> None:
        self.spending: dict[int, Spending] = {}
        self._tables: dict[int, dict[bytes, Kept]] = {partition: {} for partition in range(REQUEST_PARTITIONS)}
        self._ahead: dict[bytes, int] = {}
        self._positions: dict[int, int] = {}

    def positions(self) -> Mapping[int, int]:
        """Give the last offset applied."""
        return self._positions

    def apply(self, record: LogRecord) -> None:
        """Take the next record; what was written here is known already, and not undone by what came before it."""
        self._positions[record.partition] = record.offset
        key = record.key or b""
        if key.startswith(SPENDING_KEY):
            self._spent(record)
        elif record.offset >= self._ahead.get(key, -1):
            self._ahead.pop(key, None)
            self._set(key, record.value, record.offset, record.timestamp_ms)

    def wrote(self, name: bytes, data: bytes | None, offset: int, at_ms: int) -> None:
        """Know at once what was just written: the log comes round a moment later."""
        if offset > self._positions.get(0, -1):
            self._ahead[name] = offset
            self._set(name, data, offset, at_ms)

    def live(self, partition: int) -> dict[bytes, int]:
        """Give when each table of a partition of the requests was written, in ms since 1970."""
        return {name: kept.written_ms for name, kept in self._tables[partition].items()}

    def count(self, partition: int) -> int:
        """Count the tables of a partition of the requests."""
        return len(self._tables[partition])

    def has(self, name: bytes) -> bool:
        """Say whether a key has a table."""
        return name in self._home(name)

    def offset(self, name: bytes) -> int:
        """Give where a key's table stands, -1 for none."""
        kept = self._home(name).get(name)
        return -1 if kept is None else kept.offset

    def table(self, name: bytes) -> JudgementTable | None:
        """Read a key's table; one that cannot be read is made anew."""
        kept = self._home(name).get(name)
        if kept is None:
            return None
        try:
            return JudgementTable.decode(kept.data)
        except DecodeError as error:
            unreadable(JUDGEMENTS, str(error), partition=0, offset=kept.offset)
            return None

    def _home(self, name: bytes) -> dict[bytes, Kept]:
        return self._tables[partition_of(name, REQUEST_PARTITIONS)]

    def _set(self, name: bytes, data: bytes | None, offset: int, at_ms: int) -> None:
        if data is None:
            self._home(name).pop(name, None)
        else:
            self._home(name)[name] = Kept(data, offset, at_ms)

    def _spent(self, record: LogRecord) -> None:
        try:
            spending = _spending(record)
        except DecodeError as error:
            unreadable(JUDGEMENTS, str(error), partition=0, offset=record.offset)
            return
        self.spending[spending.partition] = spending


def _spending(record: LogRecord) -> Spending:
    """Read a record of spending that is where its key belongs: another would fill, or empty, a purse not its own."""
    spending = Spending.decode(record.value)
    if spending.key() != record.key:
        raise DecodeError("schema", "the key is not this partition's")
    return spending
