"""Changes of the file of keys: whole or not at all, and for nobody else's eyes."""

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import RefusedError
from streams.web.keys import KeyRing, Role, line_of

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


def added(path: Path, name: str, role: Role, key: str) -> None:
    """Write a new key's line; makes the file.

    Raises:
        RefusedError: the name cannot be used or has a key, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise RefusedError("A key's name has 1 to 64 letters and digits, with . _ or - between them.")
    lines = _lines(path)
    if name in _names(lines):
        raise RefusedError(f"{name} has a key: `aisle keys remove {name}` first, or take another name.")
    _write(path, [*lines, line_of(name, role, key)])


def removed(path: Path, name: str) -> None:
    """Take a key's line out.

    Raises:
        RefusedError: there is no such key, or the file cannot be read or written.
    """
    lines = _lines(path)
    if name not in _names(lines):
        raise RefusedError(f"There is no key of {name}: `aisle keys list` names those there are.")
    _write(path, [line for line in lines if name not in _names([line])])


def _lines(path: Path) -> list[str]:
    """Read a file that a gateway could read; none is as good as an empty one."""
    if not path.exists():
        return []
    KeyRing(path)
    return path.read_text().splitlines()


def _names(lines: Sequence[str]) -> list[str]:
    return [line.split()[0] for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _write(path: Path, lines: Sequence[str]) -> None:
    """Put a new file, which only its owner reads, in the old one's place."""
    place = path.resolve()
    try:
        descriptor, name = tempfile.mkstemp(prefix=".keys-", dir=place.parent)  # made with mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RefusedError(f"{path} cannot be written ({error.strerror}).") from None
