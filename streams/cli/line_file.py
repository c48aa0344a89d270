"""Files that a command writes line by line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import RefusedError


@contextmanager
def line_writer(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Give what writes a line to a file, or to nowhere.

    Raises:
        RefusedError: the file cannot be written.
    """
    if path is None:
        yield lambda _line: None
        return
    try:
        with path.open("wb") as file:
            yield lambda line: file.write(line + b"\n")
    except OSError as error:
        raise RefusedError(f"{path} cannot be written ({error.strerror}).") from None
