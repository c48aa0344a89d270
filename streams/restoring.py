"""Bring back the state of newly assigned partitions, beside the assignment callback and never in it."""

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import CHANGELOG, EVENTS, SLATES, Topics
from streams.flow import Parsed
from streams.gap import Source, check_gap
from streams.partitions import PartitionState, Restore
from streams.reading import assigned_consumer, read_parsed_to_end
from streams.telemetry import observe
from streams.topic_ids import UNKNOWN

log = logging.getLogger(__name__)


async def restore(
    partitions: set[int],
    *,
    client: Mapping[str, Any],
    group: str,
    topics: Topics,
    moved: Callable[[int], None],
    topic_id: str = UNKNOWN,
    accept_gap: bool = False,
) -> dict[int, PartitionState]:
    """Read changelogs to their ends, then the outputs from where the watermarks say.

    Args:
        partitions: what was assigned; everything is read again at each rebalance.
        client: keyword arguments that every aiokafka client takes.
        group: the worker's group, whose committed offsets the state is held against.
        topics: names on the broker.
        moved: is told how many records were read, whenever some were.
        topic_id: the source's, where the broker gives one.
        accept_gap: go on where state and source do not meet.

    Raises:
        RefusedError: state and source do not meet.
    """
    began = time.monotonic()
    found = {partition: Restore(partition) for partition in sorted(partitions)}
    consumer = assigned_consumer(client, group=group, parsed_only=True)
    await consumer.start()
    try:
        sources = await _sources(consumer, topics[EVENTS], partitions)

        def changelog(partition: int, records: Sequence[Parsed]) -> None:
            found[partition].changelog(records)
            moved(len(records))

        def outputs(partition: int, records: Sequence[Parsed]) -> None:
            found[partition].outputs(records)
            moved(len(records))

        with uncollected():
            await read_parsed_to_end(consumer, topics[CHANGELOG], dict.fromkeys(found, 0), changelog)
        tails = {p: one.watermark.out_end if one.watermark else 0 for p, one in found.items()}
        await read_parsed_to_end(consumer, topics[SLATES], tails, outputs)
    finally:
        await consumer.stop()
    states = {
        p: check_gap(one.finish(), sources[p]._replace(topic_id=topic_id), accept=accept_gap)
        for p, one in found.items()
    }
    seconds = time.monotonic() - began
    observe("restore_seconds", seconds)
    log.info(
        "restored partitions %s in %.2f s: %d visitors, %d slates already sent, marks %s",
        sorted(states),
        seconds,
        sum(len(state.visitors) for state in states.values()),
        sum(len(state.emitted) for state in states.values()),
        {p: state.mark for p, state in states.items()},
    )
    return states


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no reference cycles meanwhile: millions of records set a collection off again and again for nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


async def _sources(consumer: AIOKafkaConsumer, topic: str, partitions: set[int]) -> dict[int, Source]:
    tps = [TopicPartition(topic, partition) for partition in sorted(partitions)]
    if not tps:
        return {}
    consumer.assign(tps)
    starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    return {tp.partition: Source(await consumer.committed(tp), starts[tp], ends[tp]) for tp in tps}
