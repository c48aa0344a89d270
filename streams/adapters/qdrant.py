"""Qdrant server or cluster, through `qdrant-client`.

Writes never hold up a slate: they are gathered, the last one per product, and one thread sends them in batches, again
and again while the server is away. Searches wait for the answer at most `timeout_ms`, which the client cannot do by
itself (its timeouts are whole seconds), so they run on a few threads of their own.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, NamedTuple

import httpx
import numpy as np
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from models.ports import Neighbour
from models.vectors import check_shape, ranked, unit
from schemas.errors import DegradedError, RefusedError
from streams.adapters.point_ids import PointIds

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

log = logging.getLogger(__name__)

UPSERT_POINTS = 500
SEARCH_THREADS = 4
RETRY_S = 1.0
AWAY = (ApiException, QdrantException, httpx.HTTPError, OSError)


class _Point(NamedTuple):
    vector: np.ndarray
    category: str


class QdrantVectorIndex:
    """Cosine top-n on a Qdrant server.

    Args:
        client: a client; `connect` makes one from an address.
        dim: numbers per vector.
        collection: its name; created when missing.
        timeout_ms: a slower search counts as no answer.

    Raises:
        RefusedError: the collection holds vectors of another dim. A server that is away is no error yet.
    """

    def __init__(self, client: QdrantClient, dim: int, *, collection: str, timeout_ms: int) -> None:
        self.dim = dim
        self._client = client
        self._collection = collection
        self._timeout_s = timeout_ms / 1000
        self._ids = PointIds()
        self._refused: RefusedError | None = None
        self._ready = False
        self._searches = ThreadPoolExecutor(SEARCH_THREADS, thread_name_prefix="qdrant-search")
        self._free = threading.BoundedSemaphore(SEARCH_THREADS)
        self._changed = threading.Condition()
        self._waiting: dict[int, _Point | None] = {}
        self._sending = self._closed = False
        self._prepare()
        self._check()
        self._writer = threading.Thread(target=self._write, name="qdrant-writer", daemon=True)
        self._writer.start()

    def upsert(self, product_ids: Sequence[str], vectors: np.ndarray, *, categories: Sequence[str]) -> None:
        """Queue products to be inserted or replaced; see `models.ports.VectorIndex`."""
        self._check()
        check_shape(vectors, len(product_ids), self.dim)
        latest = {product_id: row for row, product_id in enumerate(product_ids)}
        units = unit(vectors)
        points = dict(zip(self._ids.add(latest), latest.values(), strict=True))
        with self._changed:
            self._waiting.update({point: _Point(units[row], categories[row]) for point, row in points.items()})
            self._changed.notify_all()

    def remove(self, product_ids: Collection[str]) -> None:
        """Queue products to be forgotten; unknown ones are ignored, known ones are never returned again."""
        with self._changed:
            self._waiting.update(dict.fromkeys(self._ids.drop(product_ids)))
            self._changed.notify_all()

    def near(
        self, vector: np.ndarray, *, limit: int, category: str | None = None, exclude: Collection[str] = ()
    ) -> list[Neighbour]:
        """Find the nearest products; see `models.ports.VectorIndex`."""
        self._check()
        check_shape(vector, None, self.dim)
        if limit <= 0:
            return []
        if not self._ready or not self._free.acquire(blocking=False):
            raise DegradedError("Qdrant is away, or all searches wait for it.")
        future = self._searches.submit(self._search, unit(vector), limit, _filter(category, self._ids.known(exclude)))
        try:
            found = future.result(self._timeout_s)
        except FutureTimeoutError:
            raise DegradedError(f"Qdrant did not answer in {self._timeout_s * 1000:.0f} ms.") from None
        except AWAY as error:
            raise DegradedError(f"Qdrant did not answer: {type(error).__name__}.") from None
        named = ((self._ids.product(point.id), point.score) for point in found)
        return ranked((product_id, score) for product_id, score in named if product_id is not None)

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until all queued writes are on the server; False when they are not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._sending, timeout_s)

    def __len__(self) -> int:
        return len(self._ids)

    def close(self) -> None:
        """Send what is queued while the server answers (2 s at most), then stop."""
        if self._ready:
            self.flush(2.0)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._writer.join()
        self._searches.shutdown(cancel_futures=True)
        self._client.close()

    def _check(self) -> None:
        if self._refused is not None:
            raise self._refused

    def _search(self, query: np.ndarray, limit: int, condition: models.Filter | None) -> list[models.ScoredPoint]:
        try:
            answer = self._client.query_points(
                self._collection, query=query, query_filter=condition, limit=limit, with_payload=False
            )
        finally:
            self._free.release()
        return answer.points

    def _prepare(self) -> None:
        """Find or create the collection; a server that is away is asked again by the writer."""
        from qdrant_client import models

        try:
            if not self._client.collection_exists(self._collection):
                params = models.VectorParams(size=self.dim, distance=models.Distance.COSINE)
                with contextlib.suppress(ApiException):  # another worker created it at the same moment
                    self._client.create_collection(self._collection, vectors_config=params)
                self._client.create_payload_index(
                    self._collection, "category", field_schema=models.PayloadSchemaType.KEYWORD
                )
            held = self._client.get_collection(self._collection).config.params.vectors
        except AWAY as error:
            log.warning("qdrant is away: %s", type(error).__name__)
            return
        size = held.size if isinstance(held, models.VectorParams) else "named"
        if size != self.dim:
            self._refused = RefusedError(
                f"The Qdrant collection {self._collection} holds vectors of {size} numbers, the embeddings have "
                f"{self.dim}: delete the collection, or set AISLE_TOPIC_PREFIX to keep installations apart."
            )
        self._ready = self._refused is None

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
            if not self._ready:
                self._prepare()
            batch = self._take() if self._ready else {}
            if not batch or not self._send(batch):
                self._pause()

    def _take(self) -> dict[int, _Point | None]:
        with self._changed:
            batch = {point: self._waiting.pop(point) for point in list(self._waiting)[:UPSERT_POINTS]}
            self._sending = bool(batch)
        return batch

    def _send(self, batch: dict[int, _Point | None]) -> bool:
        sent = False
        try:
            self._put(batch)
            sent = True
        except AWAY as error:
            log.warning("qdrant did not take %d points: %s", len(batch), type(error).__name__)
        with self._changed:
            if not sent:  # what was queued meanwhile is newer
                self._waiting = batch | self._waiting
            self._sending = False
            self._changed.notify_all()
        return sent

    def _put(self, batch: dict[int, _Point | None]) -> None:
        from qdrant_client import models

        gone = [point for point, kept in batch.items() if kept is None]
        kept = [
            models.PointStruct(id=point, vector=kept.vector.tolist(), payload={"category": kept.category})
            for point, kept in batch.items()
            if kept is not None
        ]
        if kept:
            self._client.upsert(self._collection, points=kept, wait=True)
        if gone:
            self._client.delete(self._collection, points_selector=models.PointIdsList(points=[*gone]), wait=True)

    def _pause(self) -> None:
        until = time.monotonic() + RETRY_S
        with self._changed:
            self._changed.wait_for(lambda: self._closed or time.monotonic() >= until, RETRY_S)


def _filter(category: str | None, excluded: list[int]) -> models.Filter | None:
    from qdrant_client import models

    if category is None and not excluded:
        return None
    same = models.FieldCondition(key="category", match=models.MatchValue(value=category or ""))
    return models.Filter(
        must=None if category is None else [same],
        must_not=[models.HasIdCondition(has_id=[*excluded])] if excluded else None,
    )
