"""Which product is embedded next: single changes before bulk loads."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

BATCH_TEXTS = 32
"""So few that a new product waits at most one batch, a quarter of a second for the default model."""

FRESH_JOBS = 2 * BATCH_TEXTS
"""More at once than this is a bulk load, whether or not it says so."""

SORTED_JOBS = 32 * BATCH_TEXTS
"""Bulk is sorted by length within as many: a batch is as slow as its longest text."""


class Job(NamedTuple):
    """A product whose text must be embedded, and the record that asks for it."""

    product_id: str
    text_hash: str
    text: str
    partition: int
    offset: int


class EmbeddingQueue:
    """Two queues, one job a product: a later job of a product replaces the earlier one.

    What comes while few are waiting is fresh and goes first. What comes marked as an import, or on top of 64 fresh
    ones, is bulk. A product that changes often stays where it stands.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._fresh: dict[str, None] = {}
        self._bulk: dict[str, None] = {}
        self._sorted: deque[str] = deque()
        self._running: dict[str, Job] = {}

    def put(self, job: Job, *, bulk: bool) -> None:
        """Queue a job; `bulk` when its record says that it belongs to an import."""
        known = job.product_id in self._jobs
        self._jobs[job.product_id] = job
        if job.product_id in self._fresh:
            return
        if not bulk and len(self._fresh) < FRESH_JOBS:
            self._fresh[job.product_id] = None
            self._bulk.pop(job.product_id, None)
        elif not known:
            self._bulk[job.product_id] = None

    def cancel(self, product_id: str) -> None:
        """Drop a product's job; none is fine."""
        self._jobs.pop(product_id, None)
        self._fresh.pop(product_id, None)
        self._bulk.pop(product_id, None)

    def drop(self, part: int) -> None:
        """Drop the jobs of one partition."""
        for product_id in [job.product_id for job in self._jobs.values() if job.partition == part]:
            self.cancel(product_id)

    def take(self) -> list[Job]:
        """Take the next jobs, at most 32 and all of one kind; they run until `done`."""
        batch = self._take_fresh() or self._take_bulk()
        self._running = {job.product_id: job for job in batch}
        return batch

    def done(self, batch: Sequence[Job]) -> None:
        """Tell that a batch is through."""
        for job in batch:
            self._running.pop(job.product_id, None)

    def __len__(self) -> int:
        return len(self._jobs) + len(self._running)

    def _take_fresh(self) -> list[Job]:
        ids = list(self._fresh)[:BATCH_TEXTS]
        for product_id in ids:
            del self._fresh[product_id]
        return [self._jobs.pop(product_id) for product_id in ids]

    def _take_bulk(self) -> list[Job]:
        batch: list[Job] = []
        while len(batch) < BATCH_TEXTS and (self._sorted or self._sort()):
            product_id = self._sorted.popleft()
            job = self._jobs.get(product_id)
            if job is not None and product_id not in self._fresh:
                self._bulk.pop(product_id, None)
                batch.append(self._jobs.pop(product_id))
        return batch

    def _sort(self) -> bool:
        """Bring the oldest bulk jobs into order of length; False when there are none."""
        ids = [product_id for product_id, _ in zip(self._bulk, range(SORTED_JOBS), strict=False)]
        for product_id in ids:
            del self._bulk[product_id]
        self._sorted.extend(sorted(ids, key=lambda product_id: len(self._jobs[product_id].text)))
        return bool(ids)
