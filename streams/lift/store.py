"""Judgements on disk, so that nothing is paid for twice: not by a second run, and not after one that was killed."""

import json
import sqlite3
from pathlib import Path
from typing import NamedTuple

from models.intent import JudgementKey
from schemas.errors import DecodeError, RefusedError
from schemas.judgements import JudgementTable

_GET = "SELECT record, calls, usd, answered_by FROM tables WHERE endpoint=? AND model=? AND version=? AND key=?"


class Source(NamedTuple):
    """Who judges: the server's address, the model as it is asked for, and the prompt's version."""

    endpoint: str
    model: str
    prompt_version: str


class Kept(NamedTuple):
    """A key's judgements, what they have cost in USD, and by how many calls, and who answered, as the server says."""

    table: JudgementTable
    calls: int
    usd: float
    answered_by: frozenset[str]


class JudgementStore:
    """A sqlite file of tables; what `put` has returned from is on disk, whatever kills the process after.

    Args:
        path: the file; None keeps it in memory.
        source: who judges; other sources' tables stay beside and are not seen.

    Raises:
        RefusedError: the file is not one of ours, or cannot be written.
    """

    def __init__(self, path: Path | None, source: Source) -> None:
        self._path, self._source = path, source
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:", timeout=30)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None

    def get(self, key: JudgementKey) -> Kept | None:
        """Give a key's table; None where nothing was judged, or what was cannot be read any more."""
        row = self._db.execute(_GET, (*self._source, key.encode())).fetchone()
        if row is None:
            return None
        try:
            return Kept(JudgementTable.decode(row[0]), row[1], row[2], frozenset(json.loads(row[3])))
        except DecodeError:
            return None

    def put(self, key: JudgementKey, kept: Kept) -> None:
        """Keep a key's table.

        Raises:
            RefusedError: the disk is full: what is paid for must be kept.
        """
        by = json.dumps(sorted(kept.answered_by))
        row = (*self._source, key.encode(), kept.table.encode(), kept.calls, kept.usd, by)
        try:
            with self._db:
                self._db.execute("INSERT OR REPLACE INTO tables VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS tables (endpoint TEXT, model TEXT, version TEXT, key BLOB, record BLOB, "
            "calls INTEGER, usd REAL, answered_by TEXT, PRIMARY KEY (endpoint, model, version, key))"
        )
        self._db.commit()

    def _unusable(self, error: Exception) -> RefusedError:
        return RefusedError(f"The judgements kept in {self._path} cannot be used ({error}): remove it, or make room.")
