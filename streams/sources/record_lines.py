"""A file of records, one JSON object a line: as topics hold them, and as `aisle run --slates` writes them."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Generic, TypeVar

from schemas.errors import DecodeError
from schemas.products import Product
from schemas.record import Record
from streams.sources.lines import byte_lines, opened

R = TypeVar("R", bound=Record)

_SEEN_BYTES = 1 << 20
"""Between two reports of progress."""


class RecordLines(Generic[R]):
    """Records of one kind; what cannot be read is counted.

    Args:
        path: the file, gzipped or plain; blank lines are nothing.
        kind: what its lines are.

    Attributes:
        refused: lines left out by the last reading, by reason.
    """

    def __init__(self, path: Path, kind: type[R]) -> None:
        self.path = path
        self.kind = kind
        self.refused: Counter[str] = Counter()

    @property
    def size(self) -> int:
        """Give the bytes of the file."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0  # reading it says why

    def records(self, reached: Callable[[int], object] = lambda _bytes: None) -> Iterator[R]:
        """Give the records in the file's order.

        Args:
            reached: told now and then how many bytes of the file were read.

        Raises:
            RefusedError: the file cannot be read.
        """
        self.refused = Counter()
        told = 0
        with opened(self.path) as stream:
            for line in byte_lines(stream, self.refused):
                if line.strip():
                    yield from self._record(line)
                if (at := _position(stream)) - told >= _SEEN_BYTES:
                    told = at
                    reached(at)
        reached(self.size)

    def _record(self, line: bytes) -> Iterator[R]:
        try:
            yield self.kind.decode(line)
        except DecodeError as error:
            self.refused[error.reason] += 1


class ProductLines(RecordLines[Product]):
    """A catalogue of `Product` records."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Product)

    def products(self) -> Iterator[Product]:
        """Give the products."""
        return self.records()


def _position(stream: IO[bytes]) -> int:
    """Give how far a file was read, in bytes of the file: packed ones where it is gzipped."""
    packed: IO[bytes] = getattr(stream, "fileobj", None) or stream
    return packed.tell()
