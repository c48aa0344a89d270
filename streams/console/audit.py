"""Who looked up whom: one line of JSON for each."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import orjson

from schemas.errors import RetryError
from schemas.record import rfc3339
from streams.console.shortening import fingerprint

Deed = Literal["login", "refused", "logout", "find", "reveal"]

log = logging.getLogger(__name__)


class AuditLog:
    """A file that is only ever appended to, readable by its owner alone.

    Args:
        path: of the file; its folder is made.
        clock: gives the time.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path, self._clock = path, clock

    def write(self, who: str, what: Deed, visitor_id: str | None = None) -> None:
        """Add an entry, before what it tells of is done.

        Raises:
            RetryError: it cannot be written, so it must not be done either.
        """
        entry = {"at": rfc3339(self._clock()), "who": who, "what": what}
        if visitor_id is not None:
            entry["visitor"] = fingerprint(visitor_id)
        line = orjson.dumps(entry) + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line)
            finally:
                os.close(file)
        except OSError as error:
            raise RetryError(f"the audit log {self._path} cannot be written ({error.strerror})") from None
        log.info("%s: %s %s", who or "(nobody known)", what, entry.get("visitor", ""))
