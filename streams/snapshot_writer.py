"""Write shared model snapshots: once an interval, by the one worker that owns partition 0 of clickstream.events."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from models.snapshot import freeze, pieces
from schemas.errors import RetryError
from streams.snapshot_store import SnapshotStore, Stored
from streams.snapshots import tail_name
from streams.telemetry import gauge
from streams.world import LearningFold

log = logging.getLogger(__name__)

LOOK_S = 30.0
"""Time between two looks at the store: how late a snapshot may be, and how soon a failed one is tried again."""


class SnapshotWriter:
    """Write a snapshot when the newest one is older than the interval.

    A thread does it, and slates go on being decided. While it copies the arrays, seconds for a full model on a busy
    machine, nothing is learned, so that no array is newer than another; the copy is written out while learning goes on.

    Args:
        store: where snapshots go.
        fold: whose model it is.
        interval_s: time between snapshots, s.
        clock: seconds since 1970, which name the snapshots.
    """

    def __init__(
        self, store: SnapshotStore, fold: LearningFold, *, interval_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self.fold = fold
        self._interval_s = interval_s
        self._clock = clock
        self._newest: Stored | None = None

    async def run(self, elected: Callable[[], bool], held: Callable[[], AbstractContextManager[None]]) -> None:
        """Look and write until cancelled; a store that is away is tried again.

        Args:
            elected: tells whether this worker is the one that writes, and has a whole model.
            held: keeps the model as it is, while it is copied.
        """
        while True:
            try:
                await self.look(elected, held)
            except RetryError as error:
                log.warning("no model snapshot for now: %s", error)
            self._publish()
            await asyncio.sleep(min(LOOK_S, self._interval_s))

    async def look(self, elected: Callable[[], bool], held: Callable[[], AbstractContextManager[None]]) -> None:
        """See what is there, and write where that is too old; nothing is written before something was learned.

        Raises:
            RetryError: the store is away.
        """
        found = await asyncio.to_thread(self._store.snapshots)
        self._newest = found[0] if found else None
        if self.fold.last is None or self._fresh(found) or not elected():
            return
        with held():
            tail, written_ms = tail_name(self.fold.last), int(self._clock() * 1000)
            frozen = await asyncio.to_thread(freeze, self.fold.model, tail=tail)
        self._newest = await asyncio.to_thread(self._store.write, pieces(frozen), frozen.offset, written_ms)

    def _fresh(self, found: Sequence[Stored]) -> bool:
        """Tell whether one is young enough; one from the future, by a clock that was wrong, is not."""
        return any(0 <= self._clock() - one.written_ms / 1000 < self._interval_s for one in found)

    def _publish(self) -> None:
        if self._newest is not None:
            gauge("snapshot_age_seconds", self._clock() - self._newest.written_ms / 1000)
            gauge("snapshot_offset", self._newest.offset)
