"""API keys of servers and operators: hashed at rest, so that who reads the file still has no key."""

import hashlib
import hmac
import logging
import secrets
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from schemas.errors import RefusedError

Role = Literal["server", "view", "operate"]
"""A shop's backend; who looks at the console; who looks and decides."""

PREFIX = "aisle_"
_FIELDS = 3

log = logging.getLogger(__name__)


class Holder(NamedTuple):
    """Who holds a key."""

    name: str
    role: Role


class KeyRing:
    """The keys of a file, read again when it has changed.

    A key has 256 random bits, so that one round of SHA-256 is as good as any.

    Args:
        path: of the file; None for no keys at all.

    Raises:
        RefusedError: the file cannot be read, or a line of it not be understood.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._holders: dict[str, Holder] = {}
        if path is not None:
            self._read(path)

    def holder(self, key: str) -> Holder | None:
        """Say whose key this is; None for nobody's."""
        return self.holder_of(hashed(key))

    def holder_of(self, digest: str) -> Holder | None:
        """Say whose key has this hash, as long as the file has it; None for nobody's."""
        self._renew()
        found = None
        for known, holder in self._holders.items():
            if hmac.compare_digest(known, digest):
                found = holder
        return found

    def holders(self) -> list[Holder]:
        """Give who holds keys, in the file's order."""
        return list(self._holders.values())

    def _renew(self) -> None:
        """Take a changed file; one that cannot be read leaves the keys as they were, and says so."""
        if self._path is None:
            return
        try:
            if self._stamp != _stamp(self._path):
                self._read(self._path)
        except (OSError, RefusedError) as error:
            log.warning("the keys stay as they were: %s", error)

    def _read(self, path: Path) -> None:
        try:
            self._stamp = _stamp(path)
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(f"AISLE_KEYS_FILE: {path} cannot be read ({error}).") from None
        self._holders = dict(_parsed(path, number, line) for number, line in enumerate(lines, 1) if _counts(line))


def bearer(authorization: str) -> str | None:
    """Give the key of an `Authorization` header; None where it is of another kind.

    >>> bearer("Bearer aisle_x"), bearer("Basic eDp5")
    ('aisle_x', None)
    """
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def new_key() -> str:
    """Make a key: shown once, and kept nowhere."""
    return PREFIX + secrets.token_urlsafe(32)


def hashed(key: str) -> str:
    """Hash a key as the file has it: SHA-256, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def line_of(name: str, role: Role, key: str) -> str:
    """Write a key's line for the file."""
    return f"{name} {role} {hashed(key)}"


def _stamp(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_mtime_ns, seen.st_size


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _parsed(path: Path, number: int, line: str) -> tuple[str, Holder]:
    fields = line.split()
    if len(fields) != _FIELDS or fields[1] not in get_args(Role) or len(fields[2]) != len(hashed("")):
        raise RefusedError(
            f"AISLE_KEYS_FILE: line {number} of {path} is not a name, a role ({', '.join(get_args(Role))}) and a hash: "
            "make one with `aisle keys add NAME --role ROLE`."
        )
    role: Role = fields[1]  # type: ignore[assignment]  # checked above
    return fields[2], Holder(fields[0], role)
