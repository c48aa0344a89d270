"""Vectors on disk by text, so that nothing is embedded twice: not after a restart, not in another group."""

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from schemas.errors import RefusedError
from streams.settings import Settings
from streams.telemetry import Seldom

log = logging.getLogger(__name__)

_seldom = Seldom()

ASK_HASHES = 500
"""Hashes asked for in one query; sqlite's limit on variables is above it in every build."""


class VectorCache:
    """A sqlite file of (text hash, float16 vector); the hash names model and text.

    float16 is what `catalog.embeddings` carries, so a vector from the cache and a fresh one give the same record. A
    write is on disk when `put` returns, whatever kills the process after. 384 numbers take 0.8 KB; the oldest entries
    go first above `max_entries`.

    Args:
        path: the file; None keeps it in memory.
        max_entries: most vectors kept.

    Raises:
        RefusedError: the file is not a cache of ours, or cannot be written.
    """

    def __init__(self, path: Path | None, *, max_entries: int = 1_000_000) -> None:
        self._max = max_entries
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            # One thread at a time, but not always the same one: the worker embeds in an executor.
            self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, timeout=30)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise RefusedError(
                f"The vector cache {path} cannot be used ({error}): remove it, or set AISLE_DATA_DIR."
            ) from None

    def get(self, hashes: Iterable[str]) -> dict[str, np.ndarray]:
        """Find vectors: float32, shape (dim,), by hash; absent ones are left out."""
        wanted = list(dict.fromkeys(hashes))
        found: dict[str, np.ndarray] = {}
        for start in range(0, len(wanted), ASK_HASHES):
            part = wanted[start : start + ASK_HASHES]
            marks = ",".join("?" * len(part))
            try:
                rows = self._db.execute(f"SELECT hash, vector FROM vectors WHERE hash IN ({marks})", part)  # noqa: S608  marks only
                found.update({text_hash: np.frombuffer(vector, "<f2").astype(np.float32) for text_hash, vector in rows})
            except (sqlite3.Error, ValueError) as error:
                _complain("read", error)
        return found

    def put(self, vectors: Mapping[str, np.ndarray]) -> None:
        """Keep vectors by hash; where that cannot be, they are embedded again another day."""
        rows = [(text_hash, np.ascontiguousarray(vector, "<f2").tobytes()) for text_hash, vector in vectors.items()]
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO vectors (hash, vector) VALUES (?, ?)", rows)
                oldest = "DELETE FROM vectors WHERE rowid <= (SELECT max(rowid) FROM vectors) - ?"
                self._db.execute(oldest, (self._max,))
        except sqlite3.Error as error:
            _complain("written", error)

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM vectors").fetchone()[0])

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS vectors (hash TEXT UNIQUE NOT NULL, vector BLOB NOT NULL)")
        self._db.commit()


def _complain(what: str, error: Exception) -> None:
    """A cache that fails costs time and no more: a full disk is no reason to stop embedding."""
    if _seldom(what):
        log.warning("the vector cache cannot be %s, going on without: %s", what, error)


def open_cache(settings: Settings) -> VectorCache:
    """Open the cache that every process of an installation shares."""
    return VectorCache(settings.data_dir / "vectors.db")
