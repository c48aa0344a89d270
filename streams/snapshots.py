"""Shared model snapshots: one worker writes them, any worker starts from the newest one and follows the rest.

A snapshot holds personal data: the ids of visitors and users beside what they looked at and bought. It needs the same
protection as the topics. An erasure reaches it in two ways. A `forget` step before its offset was applied to it. One
after its offset is in the log, and a worker that loads the snapshot applies it by following, before it serves anything.
The bytes themselves go when newer snapshots take their place: after three intervals, while a worker writes them.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from models.model import Model
from models.model_rules import ModelRules
from models.snapshot import decode, offset_of, tail_of
from schemas.errors import RefusedError, RetryError
from schemas.topics import LEARNING
from streams.settings import Settings
from streams.snapshot_store import SnapshotStore, Stored

log = logging.getLogger(__name__)

ANSWER_S = 30.0
"""Longest wait for what the broker says about the log at a start."""


class LearningLog(NamedTuple):
    """The log as the broker has it: first offset, one past the last, and names of steps asked for that are there."""

    start: int
    end: int
    tails: Mapping[int, str]


def open_store(settings: Settings) -> SnapshotStore | None:
    """Open the installation's store; None where none is set.

    Raises:
        RefusedError: no such kind of store, or the package for it is not installed.
    """
    if not settings.snapshot_url:
        return None
    return SnapshotStore(settings.snapshot_url, settings.topics[LEARNING])


def load_model(store: SnapshotStore, client: Mapping[str, Any], rules: ModelRules | None = None) -> Model | None:
    """Load the newest valid snapshot, before a worker joins its group.

    Args:
        store: where snapshots are.
        client: keyword arguments that every aiokafka client takes.
        rules: those of this installation.

    Raises:
        RefusedError: the log does not reach back to any snapshot or to its own beginning.
        RetryError: the store is away, and the log does not reach back to its own beginning.
    """

    def look(offsets: Sequence[int]) -> LearningLog:
        # The loop is not set as the thread's own: Faust's comes later.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(look_at(client, store.topic, offsets))

    return newest_valid(store, look, rules)


def newest_valid(
    store: SnapshotStore, look: Callable[[Sequence[int]], LearningLog], rules: ModelRules | None = None
) -> Model | None:
    """Load the newest snapshot that belongs to the log; a log that is whole is learned from its start without one.

    Args:
        store: where snapshots are.
        look: looks at the log, and at its steps of these offsets.
        rules: those of this installation.

    Raises:
        RefusedError: the log does not reach back to any snapshot or to its own beginning.
        RetryError: the store is away, and the log does not reach back to its own beginning.
    """
    away: RetryError | None = None
    passed = ""
    try:
        found = store.snapshots()
    except RetryError as error:
        found, away = [], error
    learning = look([one.offset for one in found])
    for one in found:
        try:
            model = _valid(store, one, learning, rules)
        except RetryError as error:
            away = error
        except RefusedError as error:
            log.warning("snapshot %s is passed over: %s", one.name, error)
            passed = passed or f" ({one.name} is passed over: {error})"
        else:
            log.info("starting from snapshot %s, %d steps to follow", one.name, learning.end - one.offset - 1)
            return model
    if learning.start == 0:
        if away:
            log.warning("going on without snapshots: %s", away)
        log.info("starting without a snapshot, %d steps to learn", learning.end)
        return None
    raise away or RefusedError(
        f"{store.topic} starts at offset {learning.start} and no snapshot in {store.folder} goes as far{passed}: put "
        f"one there that does, or begin with an empty model: `aisle topics create --recreate {LEARNING}`"
    )


def _valid(store: SnapshotStore, one: Stored, learning: LearningLog, rules: ModelRules | None) -> Model:
    if one.offset >= learning.end:
        raise RefusedError(f"it ends with offset {one.offset}, the log with {learning.end - 1}")
    if one.offset < learning.start - 1:
        raise RefusedError(f"it ends with offset {one.offset}, the log starts with {learning.start}")
    data = store.read(one)
    model = decode(data, rules)
    if offset_of(data) != one.offset or tail_of(data) != learning.tails.get(one.offset, tail_of(data)):
        raise RefusedError("it learned another log; the topic was created anew")
    return model


async def look_at(client: Mapping[str, Any], topic: str, offsets: Sequence[int]) -> LearningLog:
    """Ask the broker where the log starts and ends, and for its steps of some offsets.

    Args:
        client: keyword arguments that every aiokafka client takes.
        topic: name of `learning` on the broker.
        offsets: those that are not in the log have no name in the answer.
    """
    from aiokafka import TopicPartition

    from streams.reading import assigned_consumer

    consumer = assigned_consumer(client)
    await consumer.start()
    try:
        async with asyncio.timeout(ANSWER_S):
            tp = TopicPartition(topic, 0)
            consumer.assign([tp])
            start, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
            tails = {}
            for offset in offsets:
                if start <= offset < end:
                    consumer.seek(tp, offset)
                    record = await consumer.getone(tp)
                    tails[record.offset] = tail_name(record.value)
            return LearningLog(start, end, tails)
    except TimeoutError:
        raise RetryError(f"the broker does not give {topic}") from None
    finally:
        await consumer.stop()


def tail_name(value: bytes | None) -> str:
    """Name a step by its bytes: other logs have another one at the same offset."""
    return hashlib.sha256(value or b"").hexdigest()[:16]
