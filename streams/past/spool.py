"""Bytes put aside on disk: what is verified is sorted by its inputs, and does not fit into memory."""

import tempfile
from types import TracebackType
from typing import NamedTuple, Self


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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
