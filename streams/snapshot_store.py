"""Where model snapshots are kept: a directory or an object store, through fsspec."""

import logging
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from schemas.errors import RefusedError, RetryError

log = logging.getLogger(__name__)

KEPT = 3
"""The newest may be damaged, and the one before it may be what a worker is reading just now."""


class Stored(NamedTuple):
    """A snapshot in the store: when it was written (ms since 1970), the offset it ends with, its name."""

    written_ms: int
    offset: int
    name: str


class SnapshotStore:
    """Keep the newest snapshots of one log.

    A snapshot is written under a temporary name and renamed when it is complete, so that no reader sees a half; on an
    object store the rename is a copy that appears at once. Names carry the log's, so that installations may share a
    store.

    Args:
        url: fsspec's, such as `/var/lib/aisle`, `s3://bucket/folder` (needs `s3fs`), `gs://...` (needs `gcsfs`).
        topic: name of the log on the broker.

    Raises:
        RefusedError: no such kind of store, or the package for it is not installed.
    """

    def __init__(self, url: str, topic: str) -> None:
        from fsspec.core import url_to_fs

        try:
            self._fs, self.folder = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise RefusedError(f"AISLE_SNAPSHOT_URL cannot be used: {error}") from error
        self.topic = topic
        self._pattern = re.compile(rf"{re.escape(topic)}-(\d{{13}})-(\d+)\.snapshot(\.part)?")

    def snapshots(self) -> list[Stored]:
        """Give the complete snapshots, newest first.

        Raises:
            RetryError: the store is away.
        """
        return [one for one in self._files() if not one.name.endswith(".part")]

    def read(self, one: Stored) -> bytes:
        """Give a snapshot's bytes.

        Raises:
            RefusedError: it is gone.
            RetryError: the store is away.
        """
        with self._reached():
            try:
                return bytes(self._fs.cat_file(f"{self.folder}/{one.name}"))
            except FileNotFoundError:
                raise RefusedError("it was removed meanwhile") from None

    def write(self, pieces: Iterable[bytes | memoryview], offset: int, written_ms: int) -> Stored:
        """Write a snapshot, then remove all but the newest.

        Args:
            pieces: what it consists of.
            offset: of the last step in it.
            written_ms: time it stands for, ms since 1970.

        Raises:
            RetryError: the store is away; nothing but a temporary file may be left.
        """
        began = time.monotonic()
        one = Stored(written_ms, offset, f"{self.topic}-{written_ms:013d}-{offset}.snapshot")
        path = f"{self.folder}/{one.name}"
        with self._reached():
            self._fs.makedirs(self.folder, exist_ok=True)
            with self._fs.open(f"{path}.part", "wb") as file:
                size = sum(file.write(piece) for piece in pieces)
            self._fs.mv(f"{path}.part", path)
        log.info("snapshot %s: %.1f MB in %.1f s", one.name, size / 1e6, time.monotonic() - began)
        self._prune(one)
        return one

    def _prune(self, written: Stored) -> None:
        """Remove what is older than the snapshots kept, what a writer that died left of that time, and the future's.

        A clock that ran ahead must not make its snapshots the newest for ever.
        """
        kept = [one for one in self.snapshots() if one <= written][:KEPT]
        for one in self._files():
            if one < kept[-1] or (one > written and not one.name.endswith(".part")):
                with self._reached(), suppress(FileNotFoundError):  # another worker was faster
                    self._fs.rm_file(f"{self.folder}/{one.name}")

    def _files(self) -> list[Stored]:
        with self._reached():
            self._fs.invalidate_cache()
            try:
                names = [str(path).rpartition("/")[2] for path in self._fs.ls(self.folder, detail=False)]
            except FileNotFoundError:
                return []
        found = [match for name in names if (match := self._pattern.fullmatch(name))]
        return sorted((Stored(int(match[1]), int(match[2]), match[0]) for match in found), reverse=True)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except RefusedError:
            raise
        except Exception as error:
            raise RetryError(f"the snapshot store {self.folder} does not answer: {error!r}") from error
