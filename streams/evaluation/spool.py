"""The events of a log on disk: read and sorted once, worked through as often as needed."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Self

import orjson

from schemas.errors import RefusedError
from schemas.events import Event
from streams.evaluation.visits import Happening


class Spool:
    """Happenings in a file without a name, which is gone when it is closed; about twice as large as the log's text.

    >>> with Spool([]) as spool:
    ...     len(spool), list(spool.part(0))
    (0, [])
    """

    def __init__(self, happenings: Iterable[Happening]) -> None:
        self._size = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by `close`
        try:
            for event, visit in happenings:
                self._file.write(b"%s\t%s\n" % (orjson.dumps(visit), event.encode()))
                self._size += 1
            self._file.flush()
        except BaseException as error:
            with suppress(OSError):  # what could not be written is tried once more
                self._file.close()
            if isinstance(error, OSError):
                raise RefusedError(
                    f"The log's events do not fit into {tempfile.gettempdir()} ({error.strerror or error}): "
                    "set TMPDIR to a folder with more room."
                ) from None
            raise

    def __len__(self) -> int:
        return self._size

    def part(self, start: int, stop: int | None = None) -> Iterator[Happening]:
        """Give the happenings from one place to another; one reading at a time."""
        self._file.seek(0)
        for line in islice(self._file, start, stop):
            visit, _, event = line.partition(b"\t")
            yield Happening(Event.model_validate_json(event), orjson.loads(visit))

    def close(self) -> None:
        """Free the disk."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
