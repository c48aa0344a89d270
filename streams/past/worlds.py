"""The world as it was: folds brought to exactly the positions that a slate names."""

import logging
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from models.model import Model
from models.snapshot import decode, tail_of
from schemas.errors import RefusedError, RetryError
from schemas.topics import EMBEDDINGS, JUDGEMENTS, LEARNING, PRODUCTS, SPECS, TopicName
from streams.adapters.numpy_index import NumpyVectorIndex
from streams.bootstrap import build_world, constants_of
from streams.past.logs import Bounds, Logs
from streams.past.positions import Place, Positions
from streams.settings import Settings
from streams.snapshot_store import SnapshotStore, Stored
from streams.snapshots import tail_name
from streams.world import World

log = logging.getLogger(__name__)

FOLLOWED: tuple[TopicName, ...] = (PRODUCTS, EMBEDDINGS, LEARNING, JUDGEMENTS)


class Inputs:
    """The logs and snapshots that worlds are built from; a context manager.

    Args:
        settings: the installation's.
        client: keyword arguments that every aiokafka client takes.
        store: model snapshots, None without.
    """

    def __init__(self, settings: Settings, client: Mapping[str, Any], store: SnapshotStore | None) -> None:
        topics = settings.topics
        self.settings = settings
        self.places: list[Place] = [
            (spec.name, partition)
            for spec in SPECS
            if spec.name in FOLLOWED
            for partition in range(topics.partitions_of(spec))
        ]
        self.logs = Logs(client, [(topics[topic], partition) for topic, partition in self.places])
        self._store = store
        self._snapshots: list[Stored] = []

    async def __aenter__(self) -> Self:
        await self.logs.__aenter__()
        self._snapshots = await self._usable() if self._store else []
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.logs.__aexit__(kind, error, trace)

    def bounds(self, place: Place) -> Bounds:
        """Say what is kept of a log."""
        return self.logs.bounds[self.settings.topics[place[0]], place[1]]

    def missing(self, wanted: Positions) -> TopicName | None:
        """Name a log that no longer gives, or never gave, what lies at these positions; None where all is there."""
        if wanted.generation != self.settings.generation:
            return LEARNING  # another generation's, whether it is kept or not
        for place, offset in wanted.at:
            if place not in self.places or offset >= self.bounds(place).end:
                return place[0]
        for place in self.places:
            if self.bounds(place).start > 0 and not (place[0] == LEARNING and self._below(wanted.model)):
                return place[0]
        return None

    async def world(self, wanted: Positions) -> "PastWorld":
        """Build a world that stands at or before these positions, and can go on to them and further."""
        model = self._model(wanted.model)
        world = build_world(
            self.settings, model=model, open_content=lambda _model, dim: NumpyVectorIndex(dim)
        )  # the index of the installation belongs to its workers
        for topic, partition in self.places:
            first = world.learning.model.offset + 1 if topic == LEARNING else 0
            self.logs.seek(self.settings.topics[topic], partition, first)
        return PastWorld(world, self)

    def _below(self, offset: int) -> list[Stored]:
        start = self.bounds((LEARNING, 0)).start
        return [one for one in self._snapshots if start - 1 <= one.offset <= offset]

    def _model(self, offset: int) -> Model | None:
        assert self._store is not None or not self._snapshots
        rules = constants_of(self.settings).model
        for one in self._below(offset):
            try:
                return decode(self._store.read(one), rules) if self._store else None
            except (RefusedError, RetryError) as error:
                log.warning("snapshot %s is passed over: %s", one.name, error)
        if self.bounds((LEARNING, 0)).start > 0:
            raise RefusedError(
                f"{self.settings.topics[LEARNING]} is cut, and no snapshot below offset {offset} is good."
            )
        return None

    async def _usable(self) -> list[Stored]:
        """List the snapshots that learned this log, the one that learned most first."""
        assert self._store is not None
        try:
            found = self._store.snapshots()
        except RetryError as error:
            log.warning("going on without snapshots: %s", error)
            return []
        usable = []
        for one in found:
            step = await self.logs.at(self.settings.topics[LEARNING], 0, one.offset)
            try:
                if step is None or tail_of(self._store.read(one)) == tail_name(step.value):
                    usable.append(one)
            except (RefusedError, RetryError) as error:
                log.warning("snapshot %s is passed over: %s", one.name, error)
        return sorted(usable, key=lambda one: one.offset, reverse=True)


class PastWorld:
    """A world that moves forward through its logs.

    Args:
        world: the folds; at or before what is wanted first.
        inputs: the logs, standing where the folds do. Only one world reads them at a time.
    """

    def __init__(self, world: World, inputs: Inputs) -> None:
        self.world = world
        self._inputs = inputs
        self._folds = {fold.topic: fold for fold in world.folds}

    def left(self, wanted: Positions) -> int:
        """Count the records that lie before these positions at most."""
        at = {(topic, p): offset for topic, fold in self._folds.items() for p, offset in fold.positions().items()}
        return sum(max(0, offset - at.get(place, -1)) for place, offset in wanted.at)

    async def to(self, wanted: Positions, *, moved: Callable[[int], object] = lambda _records: None) -> World:
        """Apply everything up to these positions; the order among the logs makes no difference.

        Args:
            wanted: at or after where the world stands.
            moved: is told how many records were applied, now and then.
        """
        at, applied = wanted.by_place, 0
        for topic, partition in self._inputs.places:
            name, fold = self._inputs.settings.topics[topic], self._folds[topic]
            last = at.get((topic, partition), -1)
            if last < 0:
                continue
            async for record in self._inputs.logs.upto(name, partition, last):
                fold.apply(record)
                applied += 1
                if applied % 500 == 0:
                    moved(500)
        moved(applied % 500)
        return self.world
