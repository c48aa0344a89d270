"""Bytes put aside on disk: what is verified is sorted by its inputs, and does not fit into memory."""

import tempfile
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from schemas.events import ORIGIN_HEADER
from streams.deciding import origin_of
from streams.flow import LogRecord


class Kept(NamedTuple):
    """Where bytes lie."""

    at: int
    size: int


class Spool:
    """A nameless temporary file; a context manager that makes it vanish."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed at exit
        self._end = 0

    def put(self, data: bytes) -> Kept:
        """Put bytes aside."""
        self._file.seek(self._end)
        self._file.write(data)
        self._end += len(data)
        return Kept(self._end - len(data), len(data))

    def get(self, kept: Kept) -> bytes:
        """Read bytes back."""
        self._file.seek(kept.at)
        return self._file.read(kept.size)

    def put_record(self, record: LogRecord) -> Kept:
        """Put aside what deciding needs of an event's record: its place, its arrival, its origin and its value."""
        origin = origin_of(record)
        head = [record.partition, record.offset, record.timestamp_ms, origin]
        return self.put(orjson.dumps(head) + b"\n" + (record.value or b""))

    def get_record(self, kept: Kept) -> LogRecord:
        """Read an event's record back."""
        head, _, value = self.get(kept).partition(b"\n")
        partition, offset, timestamp_ms, origin = orjson.loads(head)
        headers = () if origin is None else ((ORIGIN_HEADER, origin.encode()),)
        return LogRecord(partition, offset, timestamp_ms, None, value, headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
