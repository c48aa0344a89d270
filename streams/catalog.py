"""The catalog agent: products in, vectors out.

Pure of Kafka: `handle` takes records and answers at once with dead letters and tombstones, and queues what must be
embedded; `next_batch` and `finish` frame the slow part, which the worker runs beside the reading.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from schemas.errors import DecodeError
from schemas.events import ORIGIN_HEADER
from schemas.products import Embedding, Product
from schemas.topics import EMBEDDINGS, PRODUCTS
from streams.dead_letters import refused
from streams.embedding import embedding_of, own_vector, text_of, wanted_hash
from streams.embedding_queue import EmbeddingQueue, Job
from streams.flow import LogRecord, Out, Outcome
from streams.telemetry import count


class Known(NamedTuple):
    """What a product's vector on `catalog.embeddings` was made from, and when."""

    model: str
    text_hash: str
    embedded_at: datetime


class CatalogAgent:
    """Turns records of `catalog.products` into records of `catalog.embeddings`.

    It holds no state that is not in these two topics: it reads both from their start, and embeds what differs.

    Args:
        model: the embedding model's name; vectors of another one are made anew.
        dim: gives the numbers per vector, which a product's own vector must fit; asked only when one comes.
        clock: the time, for `embedded_at`.
    """

    def __init__(self, *, model: str, dim: Callable[[], int], clock: Callable[[], datetime]) -> None:
        self._model = model
        self._dim = dim
        self._clock = clock
        self.known: dict[str, Known] = {}
        self._wanted: dict[str, str] = {}
        self._queue = EmbeddingQueue()

    def follow(self, record: LogRecord) -> None:
        """Take note of a record of `catalog.embeddings`; one that cannot be read will be made anew."""
        product_id = (record.key or b"").decode(errors="replace")
        self.known.pop(product_id, None)
        if record.value is None:
            return
        try:
            embedding = Embedding.decode(record.value)
        except DecodeError:
            return
        self.known[product_id] = Known(embedding.model, embedding.text_hash, embedding.embedded_at)

    def handle(self, records: Sequence[LogRecord], *, dead_from: int = 0) -> Outcome:
        """Work through records of one partition of `catalog.products`.

        Args:
            records: in the log's order.
            dead_from: dead letters of records before this offset are written already.

        Returns:
            Dead letters, and embeddings that need no embedder: tombstones and products' own vectors.
        """
        outcome = Outcome()
        for record in records:
            if record.value is None:
                outcome.outputs.extend(self._gone(record))
                continue
            try:
                outcome.outputs.extend(self._changed(self._decode(record), record))
            except DecodeError as error:
                if record.offset >= dead_from:
                    count("dead_letters", reason=error.reason)
                    outcome.outputs.append(refused(PRODUCTS, record, error))
        return outcome

    def next_batch(self) -> list[Job]:
        """Take the next texts to embed, at most 32; what is new goes before what is many."""
        return self._queue.take()

    def finish(self, batch: Sequence[Job], vectors: Mapping[str, np.ndarray]) -> list[Out]:
        """Write up a batch; products that changed or went away meanwhile are left out.

        Args:
            batch: what `next_batch` gave.
            vectors: float32, shape (dim,), by text hash.
        """
        self._queue.done(batch)
        return [
            self._embedding(job.product_id, job.text_hash, vectors[job.text_hash], job.offset)
            for job in batch
            if self._wanted.get(job.product_id) == job.text_hash
        ]

    def orphans(self) -> list[Out]:
        """Tombstone vectors of products that are on no record any more; to be asked when all partitions were read."""
        gone = [product_id for product_id in self.known if product_id not in self._wanted]
        return [self._tombstone(product_id, -1) for product_id in gone]

    def oldest(self) -> datetime | None:
        """Give when the oldest vector was made."""
        return min((each.embedded_at for each in self.known.values()), default=None)

    def oldest_age_s(self) -> float:
        """Give the oldest vector's age in seconds; 0 without any."""
        oldest = self.oldest()
        return 0.0 if oldest is None else (self._clock() - oldest).total_seconds()

    def waiting(self) -> int:
        """Count the products that wait for their vector."""
        return len(self._queue)

    def forget(self, part: int) -> None:
        """Drop the queued work of a partition that another worker has now."""
        self._queue.drop(part)

    def _decode(self, record: LogRecord) -> Product:
        product = Product.decode(record.value)
        if record.key != product.product_id.encode():
            raise DecodeError("schema", "Product.product_id: the record's key is not this product")
        return product

    def _changed(self, product: Product, record: LogRecord) -> list[Out]:
        product_id = product.product_id
        own = None if product.vector is None else own_vector(product.vector, self._dim())
        wanted = self._wanted[product_id] = wanted_hash(product, self._model)
        known = self.known.get(product_id)
        if known is not None and (known.model, known.text_hash) == (self._model, wanted):
            self._queue.cancel(product_id)
            return []
        if own is not None:
            self._queue.cancel(product_id)
            return [self._embedding(product_id, wanted, own, record.offset)]
        job = Job(product_id, wanted, text_of(product), record.partition, record.offset)
        self._queue.put(job, bulk=dict(record.headers).get(ORIGIN_HEADER) == b"import")
        return []

    def _gone(self, record: LogRecord) -> list[Out]:
        product_id = (record.key or b"").decode(errors="replace")
        self._queue.cancel(product_id)
        wanted = self._wanted.pop(product_id, None)
        if wanted is None and product_id not in self.known:
            return []
        return [self._tombstone(product_id, record.offset)]

    def _embedding(self, product_id: str, wanted: str, vector: np.ndarray, offset: int) -> Out:
        at = self._clock()
        self.known[product_id] = Known(self._model, wanted, at)
        record = embedding_of(product_id, vector, model=self._model, text_hash=wanted, at=at)
        return Out(EMBEDDINGS, 0, product_id.encode(), record.encode(), offset)

    def _tombstone(self, product_id: str, offset: int) -> Out:
        self.known.pop(product_id, None)
        return Out(EMBEDDINGS, 0, product_id.encode(), None, offset)
