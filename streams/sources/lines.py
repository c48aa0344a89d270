"""Text lines of a file, gzipped or plain, and the fingerprint of what it holds."""

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from schemas.errors import RefusedError

MAX_LINE_BYTES = 1 << 20
"""A longer line is not a record of anything; it is skipped without being held."""

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Content:
    """What a file holds: SHA-256 of its bytes (uncompressed, so that packing it changes nothing) and its line count."""

    digest: str
    lines: int


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, gzipped or plain.

    Raises:
        RefusedError: it cannot be read; one sentence for people.
    """
    try:
        with path.open("rb") as raw:
            head = raw.read(2)
            raw.seek(0)
            if head in _UTF16:
                raise RefusedError(f"{path} is UTF-16 text: save it as UTF-8.")
            # IO[bytes] is what both are; GzipFile only does not say so.
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if head == _GZIP else raw
    except EOFError:
        raise RefusedError(f"{path} ends in the middle of its gzip stream: fetch it again.") from None
    except (gzip.BadGzipFile, zlib.error):
        raise RefusedError(f"{path} is a damaged gzip file: fetch it again.") from None
    except OSError as error:
        raise RefusedError(f"{path} cannot be read ({error.strerror or error}): check the path.") from None


def fingerprint(path: Path) -> Content:
    """Read a file once, to its end, and name what it holds."""
    digest = hashlib.sha256()
    lines, last = 0, b"\n"
    with opened(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return Content(digest=digest.hexdigest(), lines=lines + (last != b"\n"))


def byte_lines(stream: IO[bytes], refused: Counter[str]) -> Iterator[bytes]:
    """Give the lines as they are; an over-long line is counted and blank."""
    while line := stream.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            _skip_line(stream)
            refused["line too long"] += 1
            line = b"\n"
        yield line


def text_lines(stream: IO[bytes], refused: Counter[str]) -> Iterator[str]:
    """Give the lines as text: UTF-8, or Latin-1 where a line is not UTF-8; an over-long line is counted and blank."""
    first = True
    for line in byte_lines(stream, refused):
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("latin-1")
        yield text.removeprefix("\ufeff") if first else text
        first = False


def _skip_line(stream: IO[bytes]) -> None:
    while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass
