"""Qdrant embedded in the process (`qdrant-edge-py`): the server's engine and storage without the server.

Facts about 0.9.0 that shape this file: a second handle on a directory damages the first one's next flush, so our own
lock is taken before opening; booleans in a payload never match; every call holds the interpreter's lock, so the HNSW
graph (`optimize`, 23 s for 60,000 points) is never built in a process that serves; without it searches are exact.
"""

import fcntl
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.ports import Neighbour
from models.vectors import check_shape, ranked, unit
from schemas.errors import DegradedError, RefusedError
from streams.adapters.point_ids import PointIds

if TYPE_CHECKING:
    from typing import TextIO

UPSERT_POINTS = 1000


class EdgeVectorIndex:
    """Cosine top-n over an embedded Qdrant shard.

    The directory is a cache of `catalog.embeddings`, which is read from its start anyway: it is emptied on opening, and
    what a crash left in it does not matter.

    Args:
        dim: numbers per vector.
        directory: where the shard keeps its files; ours alone.

    Raises:
        RefusedError: another process has the directory, or it cannot be written.
        DegradedError: the disk is full, or the engine cannot make a shard for another reason.
    """

    def __init__(self, dim: int, directory: Path) -> None:
        self.dim = dim
        self._ids = PointIds()
        self._lock = _lock(directory)
        try:
            self._shard = _create(dim, directory)
        except BaseException:
            self._lock.close()
            raise

    def upsert(self, product_ids: Sequence[str], vectors: np.ndarray, *, categories: Sequence[str]) -> None:
        """Insert or replace products; see `models.ports.VectorIndex`."""
        import qdrant_edge

        check_shape(vectors, len(product_ids), self.dim)
        latest = {product_id: row for row, product_id in enumerate(product_ids)}
        rows = list(latest.values())
        points = [
            qdrant_edge.Point(point, vector, {"category": categories[row]})
            for point, vector, row in zip(self._ids.add(latest), unit(vectors)[rows], rows, strict=True)
        ]
        for start in range(0, len(points), UPSERT_POINTS):
            self._shard.update(qdrant_edge.UpdateOperation.upsert_points(points[start : start + UPSERT_POINTS]))

    def remove(self, product_ids: Collection[str]) -> None:
        """Forget products; unknown ones are ignored."""
        import qdrant_edge

        if gone := self._ids.drop(product_ids):
            self._shard.update(qdrant_edge.UpdateOperation.delete_points([*gone]))

    def near(
        self, vector: np.ndarray, *, limit: int, category: str | None = None, exclude: Collection[str] = ()
    ) -> list[Neighbour]:
        """Find the nearest products; see `models.ports.VectorIndex`."""
        import qdrant_edge

        check_shape(vector, None, self.dim)
        if not len(self) or limit <= 0:
            return []
        query: Any = unit(vector)  # its type hints know lists only; an array is taken as it is
        request = qdrant_edge.QueryRequest(
            limit=limit,
            query=qdrant_edge.Query.Nearest(query),
            filter=_filter(category, self._ids.known(exclude)),
        )
        found = ((self._ids.product(point.id), point.score) for point in self._shard.query(request))
        return ranked((product_id, score) for product_id, score in found if product_id is not None)

    def __len__(self) -> int:
        return len(self._ids)

    def close(self) -> None:
        """Close the shard, then let others have the directory."""
        if not self._lock.closed:
            self._shard.close()
            self._lock.close()


def _filter(category: str | None, excluded: list[int]) -> Any:
    import qdrant_edge

    if category is None and not excluded:
        return None
    return qdrant_edge.Filter(
        must=None if category is None else [qdrant_edge.FieldCondition("category", qdrant_edge.MatchValue(category))],
        must_not=[qdrant_edge.HasIdCondition(set(excluded))] if excluded else None,
    )


def _lock(directory: Path) -> "TextIO":
    """Hold `<directory>.lock` until the file is closed or the process ends, however it ends."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        lock = directory.with_name(directory.name + ".lock").open("w")
    except OSError as error:
        raise RefusedError(
            f"The index directory {directory} cannot be written ({error.strerror}): set AISLE_DATA_DIR."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise RefusedError(
            f"Another process uses the index in {directory}: give each worker its own AISLE_DATA_DIR."
        ) from None
    return lock


def _create(dim: int, directory: Path) -> Any:
    import qdrant_edge

    try:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    except OSError as error:
        raise RefusedError(
            f"The index directory {directory} cannot be emptied ({error.strerror}): remove it, or set AISLE_DATA_DIR."
        ) from None
    vectors = qdrant_edge.EdgeVectorParams(size=dim, distance=qdrant_edge.Distance.Cosine)
    # Nothing is ever read back after a crash, so a write-ahead log would only cost time.
    config = qdrant_edge.EdgeConfig(vectors=vectors, wal_enabled=False)
    try:
        shard = qdrant_edge.EdgeShard.create(str(directory), config)
        shard.update(qdrant_edge.UpdateOperation.create_field_index("category", qdrant_edge.PayloadSchemaType.Keyword))
    except Exception as error:  # noqa: BLE001  it raises nothing more special, for a full disk for one
        raise DegradedError(f"no index can be made in {directory}: {error}") from None
    return shard
