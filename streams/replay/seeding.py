"""What the retained clickstream cannot give back: what visitors and model have from before it begins."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from models.session import Visitor, decode_visitor, encode
from models.visitor import Profile, Rates
from schemas.errors import DecodeError, RefusedError
from schemas.generations import Generation
from schemas.learning import LearningStep, Origin
from schemas.record import epoch_ms
from schemas.topics import CHANGELOG, EVENTS, LEARNING, Topics
from streams.erased import Erased
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.partitions import PartitionState, Restore
from streams.replay.logs import Logs
from streams.replay.taking import covered
from streams.writer import Row

ROWS = 2000


class Grown(NamedTuple):
    """That there were fewer partitions, and until when, milliseconds since 1970."""

    partitions: int
    until_ms: int

    def moved(self, key: bytes, partition: int) -> bool:
        """Tell whether a visitor came from another partition."""
        return partition_of(key, self.partitions) != partition


def grown_of(current: Generation | None) -> Grown | None:
    """Read it from the generation in force."""
    if current is None or current.grown_from is None or current.grown_at is None:
        return None
    return Grown(current.grown_from, epoch_ms(current.grown_at))


def seed(data: bytes, *, start: int, start_ms: int) -> bytes | None:
    """Give a visitor's state as it may have been before the first retained record.

    Whoever was not touched since is carried over as they are. Of the others only what is dated before is known: the
    profile's older entries, when they were first seen, and who they are. Counters begin again.

    Args:
        data: the state now.
        start: offset of the first retained record of the visitor's partition.
        start_ms: when it came in, milliseconds since 1970.

    Returns:
        the state; None where nothing of it is older.
    """
    try:
        visitor = decode_visitor(data)
    except DecodeError:
        return data  # another build's: it is skipped or read when it is touched
    if visitor.applied < start:
        return data
    first_ms = visitor.profile.first_ms
    if first_ms >= start_ms:
        return None
    entries = tuple(entry for entry in visitor.profile.entries if entry.at_ms < start_ms)
    profile = Profile(first_ms, entries=entries)
    return encode(Visitor(start - 1, start_ms - 1, visitor.user_id, None, (), profile, Rates(), b""))


async def seed_states(
    logs: Logs,
    live: Topics,
    target: Topics,
    *,
    parts: Mapping[int, PartitionState],
    starts_ms: Mapping[int, int],
    grown: Grown | None,
    erased: Erased,
    told: Callable[[int], object],
) -> None:
    """Write the seeds of all visitors to a new generation's changelog.

    Args:
        logs: the broker.
        live: where the states are.
        target: where the seeds go.
        parts: states without visitors that stand before the first retained record.
        starts_ms: when that came in; absent where the log begins with its first record, and nothing is older.
        grown: who moved since has older events in another partition, and only what is dated later in this one.
        erased: who is left out.
        told: is told how many visitors were looked at.
    """
    bounds = await logs.bounds(live[CHANGELOG], live.partitions)
    for partition, part in parts.items():
        restore = Restore(partition)
        await logs.read(live[CHANGELOG], {partition: bounds[partition]}, lambda _, some: restore.changelog(some))  # noqa: B023  read at once
        state = restore.finish()
        taken = state.requeued.entries(before=part.mark + 1)  # the others are taken again
        rows = [Row(key, value, part.headers(value)) for key, value in taken.items()]
        for key, data in state.visitors.items():
            start_ms = starts_ms.get(partition, 0)
            if grown is not None and grown.moved(key, partition):
                start_ms = max(start_ms, grown.until_ms)
            value = None if _erased(data, key, erased) else seed(data, start=part.mark + 1, start_ms=start_ms)
            if value is not None:
                rows.append(Row(key, value, part.headers(value)))
            if len(rows) >= ROWS:
                await logs.write({(target[CHANGELOG], partition): rows})
                rows = []
        told(len(state.visitors))
        if rows:
            await logs.write({(target[CHANGELOG], partition): rows})


def _erased(data: bytes, key: bytes, erased: Erased) -> bool:
    if not len(erased):
        return False
    try:
        visitor = decode_visitor(data)
    except DecodeError:
        return False
    return erased.covers_ids(key.decode(), visitor.user_id, arrived_ms=visitor.clock_ms)


async def copy_older_steps(
    logs: Logs,
    live: Topics,
    target: Topics,
    *,
    parts: Mapping[int, PartitionState],
    erased: Erased,
    told: Callable[[int], object],
) -> int:
    """Copy the live learning steps whose events are no longer retained; gives how many the copy holds.

    What a copy that was stopped has written already is not written again.

    Args:
        logs: the broker.
        live: where the steps are.
        target: where the copy goes.
        parts: states that stand before the first retained record.
        erased: whose steps are left out.
        told: is told how many steps were looked at.

    Raises:
        RefusedError: what was copied before is not what would be copied now.
    """
    start, end = (await logs.bounds(live[LEARNING], 1))[0]
    there = (await logs.bounds(target[LEARNING], 1))[0][1]
    copied, again = hashlib.sha256(), hashlib.sha256()
    await logs.read(target[LEARNING], {0: (0, there)}, lambda _, some: _hash(copied, some))
    found: list[Row] = []
    count = 0

    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        nonlocal count
        for record in records:
            if _older(record, parts) and not covered(record, erased):
                count += 1
                if count > there:
                    found.append(Row(None, record.value, timestamp_ms=record.timestamp_ms))
                else:
                    _hash(again, (record,))
        told(len(records))

    def check() -> None:
        if count < there or again.digest() != copied.digest():
            raise RefusedError(
                f"{target[LEARNING]} holds other steps than are there to be copied: somebody was forgotten meanwhile, "
                f"or the log was cut; delete it with `aisle generations delete {target.generation}` and start again."
            )

    while start < end:
        upto = min(end, start + 10 * ROWS)
        await logs.read(live[LEARNING], {0: (start, upto)}, take)
        if found:
            check()
            await logs.write({(target[LEARNING], 0): found})
            found.clear()
        start = upto
    check()
    return count


def _hash(sha: Any, records: Sequence[LogRecord]) -> None:
    for record in records:
        sha.update(b"%d " % len(record.value or b"") + (record.value or b""))


def _older(record: LogRecord, parts: Mapping[int, PartitionState]) -> bool:
    """Tell whether a step's event is no longer in the log: its offset is past, or of an epoch that is over."""
    try:
        origin = LearningStep.decode(record.value).origin
    except DecodeError:
        return False
    return _before(origin, parts)


def _before(origin: Origin, parts: Mapping[int, PartitionState]) -> bool:
    part = parts.get(origin.partition)
    if origin.topic != EVENTS or part is None:
        return True
    return (origin.epoch, origin.offset) <= (part.epoch, part.mark)
