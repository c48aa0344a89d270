"""What was known before the first record that is replayed: the catalogue, the model, the visitors."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from models.model import Model, ModelRules
from schemas.errors import DecodeError, RefusedError
from schemas.learning import LearningStep
from schemas.topics import CHANGELOG, EMBEDDINGS, EVENTS, JUDGEMENTS, LEARNING, PRODUCTS, SPECS, TopicName, Topics
from streams.clicks import ClicksAgent
from streams.deciding import ClicksRules
from streams.erased import Erased
from streams.flow import LogRecord
from streams.partitions import WATERMARK_KEY, PartitionState, Watermark
from streams.replay.logs import Logs, Take
from streams.replay.taking import covered, without
from streams.snapshot_store import SnapshotStore
from streams.snapshots import LearningLog, look_at, newest_valid
from streams.unreadable import unreadable
from streams.world import World

log = logging.getLogger(__name__)

CATALOGUE: tuple[TopicName, ...] = (PRODUCTS, EMBEDDINGS, JUDGEMENTS)
"""What is the same for past and present, in the order it is read: products before the vectors that belong to them."""

Offsets = Mapping[int, int]

STEPS = 5000
"""Looked at together."""

NEVER = datetime.min.replace(tzinfo=UTC)


async def catalogue_ends(logs: Logs, topics: Topics) -> dict[TopicName, dict[int, int]]:
    """Give where the catalogue ends now."""
    counts = {spec.name: topics.partitions_of(spec) for spec in SPECS}
    return {
        name: {p: end for p, (_, end) in (await logs.bounds(topics[name], counts[name])).items()} for name in CATALOGUE
    }


async def read_catalogue(
    world: World, logs: Logs, topics: Topics, ends: Mapping[TopicName, Offsets], learned: Callable[[int], object]
) -> None:
    """Fold products, vectors and judgements up to these ends, from where they were read to."""
    for fold in world.folds:
        if fold.topic in ends:
            read = fold.positions()
            spans = {partition: (read.get(partition, -1) + 1, end) for partition, end in ends[fold.topic].items()}
            await logs.read(topics[fold.topic], spans, _folding(fold.apply, learned))


def _folding(apply: Callable[[LogRecord], None], told: Callable[[int], object]) -> Take:
    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        for record in records:
            apply(record)
        told(len(records))

    return take


async def marks(logs: Logs, topics: Topics) -> dict[int, Watermark]:
    """Give the watermarks of the live state; partitions without one are absent."""
    found: dict[int, Watermark] = {}

    def take(partition: int, records: Sequence[LogRecord]) -> None:
        for record in records:
            if record.key == WATERMARK_KEY and record.value is not None:
                try:
                    new = Watermark.decode(record.value)
                except DecodeError as error:  # a restore goes on with the one before, too
                    unreadable(CHANGELOG, str(error), partition=partition, offset=record.offset)
                    continue
                old = found.get(partition)
                if old is None or (new.epoch, new.mark) >= (old.epoch, old.mark):
                    found[partition] = new

    await logs.read(topics[CHANGELOG], await logs.bounds(topics[CHANGELOG], topics.partitions), take)
    return found


async def waiting(logs: Logs, topics: Topics, known: Mapping[int, Watermark]) -> int:
    """Count the events behind these watermarks; the mark of a transaction is an offset, but nobody waits for it."""
    bounds = await logs.bounds(topics[EVENTS], topics.partitions)
    spans = {p: (max(start, known[p].mark + 1 if p in known else 0), end) for p, (start, end) in bounds.items()}
    count = 0

    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        nonlocal count
        count += len(records)

    await logs.read(topics[EVENTS], spans, take)
    return count


def model_before(
    store: SnapshotStore | None, client: Mapping[str, object], end: int, rules: ModelRules, *, whole: bool = False
) -> Model | None:
    """Load the newest snapshot that holds no step from `end` on; blocks, and needs a thread without an event loop.

    Args:
        store: where snapshots are; None for nowhere.
        client: keyword arguments that every aiokafka client takes.
        end: of what may have been learned.
        rules: those of this installation.
        whole: refuse a model that knows only what is left of the log.

    Returns:
        None where there is no such snapshot.

    Raises:
        RefusedError: neither a snapshot nor the log goes back to the beginning, and the model must be whole.
    """
    if store is None or end == 0:
        return None

    def look(offsets: Sequence[int]) -> LearningLog:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            found = runner.run(look_at(client, store.topic, offsets))
        return found._replace(end=min(found.end, end))

    try:
        return newest_valid(store, look, rules)
    except RefusedError as error:
        if whole:
            raise
        log.warning("no snapshot reaches the beginning of this replay, so its model knows only what is left: %s", error)
        return None


async def learn_before(
    world: World, logs: Logs, topics: Topics, *, end: int, erased: Erased | None, told: Callable[[int], object]
) -> None:
    """Fold the live `learning` up to `end`, without the steps of people who asked to be forgotten since.

    Without `erased` the model is the live one, which forgets them by their `forget` steps.
    """
    start = world.learning.positions().get(0, -1) + 1

    def apply(record: LogRecord) -> None:
        if erased is None or not covered(record, erased):
            world.learning.apply(record)

    await logs.read(topics[LEARNING], {0: (start, end)}, _folding(apply, told))


async def steps_before(logs: Logs, topics: Topics, starts: Offsets, since: datetime) -> int:
    """Give the offset of the first learning step of an event that came in since a time.

    No step was written before its event came in, but a generation that was built later has all of them later.

    Args:
        logs: the broker.
        topics: where the steps are.
        starts: the first event of each partition that came in since.
        since: the time.
    """
    at = (await logs.offsets_at(topics[LEARNING], 1, since))[0]
    end = (await logs.bounds(topics[LEARNING], 1))[0][1]
    known = await marks(logs, topics)
    found: list[int] = []

    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        found.extend(record.offset for record in records if _since(record, starts, known))

    while at < end and not found:
        await logs.read(topics[LEARNING], {0: (at, min(end, at + STEPS))}, take)
        at += STEPS
    return min(found, default=end)


def _since(record: LogRecord, starts: Offsets, known: Mapping[int, Watermark]) -> bool:
    try:
        origin = LearningStep.decode(record.value).origin
    except DecodeError:
        return False
    mark = known.get(origin.partition)
    place = (0 if mark is None else mark.epoch), starts.get(origin.partition, 0)
    return origin.topic == EVENTS and (origin.epoch, origin.offset) >= place


def undecided(rules: ClicksRules) -> ClicksRules:
    """Give rules by which nothing is decided; what was shown is still understood."""
    return replace(rules, placements=tuple(replace(one, triggers=frozenset()) for one in rules.placements))


async def warm(
    parts: Mapping[int, PartitionState],
    world: World,
    rules: ClicksRules,
    logs: Logs,
    topics: Topics,
    *,
    ends: Offsets,
    erased: Erased,
    told: Callable[[int], object],
) -> None:
    """Apply what is left of the events before `ends` to the visitors; nothing is decided or learned."""
    agent = ClicksAgent(world, replace(undecided(rules), training_share=0.0), clock=lambda: NEVER)

    def take(partition: int, records: Sequence[LogRecord]) -> None:
        agent.handle(without(records, erased), parts[partition])
        told(len(records))

    bounds = await logs.bounds(topics[EVENTS], topics.partitions)
    await logs.read(topics[EVENTS], {p: (bounds[p][0], ends[p]) for p in parts}, take)
