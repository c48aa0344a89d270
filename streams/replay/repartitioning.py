"""More partitions: every visitor moves to where their events will be, in a new generation of states."""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from models.session import clock_of
from models.snapshot import freeze, pieces
from schemas.errors import DecodeError, RefusedError
from schemas.topics import CHANGELOG, EVENTS, EVENTS_DEAD, EVIDENCE, LEARNING, SLATES, TopicName, Topics
from streams.bootstrap import build_world, constants_of
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.partitions import WATERMARK_KEY, PartitionState, Restore, rebased
from streams.replay.past import learn_before, model_before
from streams.replay.replaying import Installation, counting
from streams.snapshots import open_store, tail_name
from streams.writer import Row

GROWING: tuple[TopicName, ...] = (EVENTS, SLATES, EVIDENCE, EVENTS_DEAD)
"""Topics that keep their names and get more partitions."""

ROWS = 2000


class Moved(NamedTuple):
    """What became of it: visitors in all, those in another partition now, and learning steps copied."""

    generation: str
    previous: str
    partitions: int
    visitors: int
    moved: int
    learned: int


@dataclass(frozen=True)
class Stand:
    """A visitor where they stood: partition and state."""

    partition: int
    data: bytes


def place(parts: Mapping[int, PartitionState], partitions: int) -> tuple[dict[int, PartitionState], int]:
    """Put every visitor into the partition of their key.

    Offsets of another partition mean other records: who moves begins with none. Where producers had sent somebody's
    events to two partitions, the state of the right one stays, else the one that was changed last. Which dead letters
    were taken again is known everywhere: nobody knows whose they were.

    Args:
        parts: states by partition, as they were.
        partitions: how many there are now.

    Returns:
        states by partition, and how many visitors moved.
    """
    placed = {
        p: replace(
            parts.get(p, PartitionState(p)),
            visitors={},
            requeued=parts.get(p, PartitionState(p)).requeued.joined(
                *(part.requeued.rebased() for old, part in parts.items() if old != p)
            ),
        )
        for p in range(partitions)
    }
    found: dict[bytes, Stand] = {}
    for partition, part in parts.items():
        for key, data in part.visitors.items():
            before = found.get(key)
            if before is None or _better(key, Stand(partition, data), before, len(parts)):
                found[key] = Stand(partition, data)
    moved = 0
    for key, stand in found.items():
        to = partition_of(key, partitions)
        moved += to != stand.partition
        placed[to].visitors[key] = stand.data if to == stand.partition else rebased(stand.data)
    return placed, moved


def _better(key: bytes, new: Stand, old: Stand, partitions: int) -> bool:
    owner = partition_of(key, partitions)
    return (new.partition == owner, _clock(new.data)) > (old.partition == owner, _clock(old.data))


def _clock(data: bytes) -> int:
    try:
        return clock_of(data)
    except DecodeError:
        return 0


class Repartition:
    """Move an installation that nobody works on to more partitions.

    Args:
        site: the installation, as it is now.
        name: of the new generation; its topics exist, and the others have their partitions.
        partitions: how many there are to be.
    """

    def __init__(self, site: Installation, name: str, partitions: int) -> None:
        self._site = site
        self._name = name
        self._old = site.topics
        self._new = Topics(site.topics.prefix, partitions, name)

    async def move(self) -> tuple[Moved, dict[int, int]]:
        """Copy what was learned, move the visitors, and look at both again.

        Returns:
            what became of it, and the next offset of each partition that was there before.

        Raises:
            RefusedError: what stands in the new topics is not what it must be.
        """
        site = self._site
        learned = await self._copy_learning()
        parts = await self._states(self._old)
        placed, moved = place(parts, self._new.partitions)
        slates = await site.logs.bounds(self._new[SLATES], self._new.partitions)
        for partition, part in placed.items():
            topic_id = part.topic_id or site.source_id
            placed[partition] = replace(part, out_end=slates[partition][1], topic_id=topic_id)
            await self._write(placed[partition])
        await self._verify(placed)
        await self._snapshot(learned)
        visitors = sum(len(part.visitors) for part in placed.values())
        told = Moved(self._name, site.settings.generation, self._new.partitions, visitors, moved, learned)
        return told, {p: part.mark + 1 for p, part in parts.items()}

    async def _states(self, topics: Topics) -> dict[int, PartitionState]:
        bounds = await self._site.logs.bounds(topics[CHANGELOG], topics.partitions)
        restores = {partition: Restore(partition) for partition in bounds}
        await self._site.logs.read(topics[CHANGELOG], bounds, lambda p, records: restores[p].changelog(records))
        return {p: replace(restore.finish(), emitted=set(), unreadable=0) for p, restore in restores.items()}

    async def _write(self, part: PartitionState) -> None:
        entries = part.visitors | part.requeued.entries()
        rows = [Row(key, data, part.headers(data)) for key, data in entries.items()]
        to = self._new[CHANGELOG], part.partition
        for first in range(0, len(rows), ROWS):
            await self._site.logs.write({to: rows[first : first + ROWS]})
        await self._site.logs.write({to: [Row(WATERMARK_KEY, part.watermark().encode())]})

    async def _copy_learning(self) -> int:
        """Copy every step; those that were copied before are not copied again."""
        logs, (start, end) = self._site.logs, (await self._site.logs.bounds(self._old[LEARNING], 1))[0]
        there = (await logs.bounds(self._new[LEARNING], 1))[0][1]
        told = counting(self._site.watch, "learning", end - start)
        rows: list[Row] = []
        seen = 0

        def take(_partition: int, records: Sequence[LogRecord]) -> None:
            nonlocal seen
            for record in records:
                seen += 1
                if seen > there:
                    rows.append(Row(None, record.value, timestamp_ms=record.timestamp_ms))
            told(len(records))

        at = start
        while at < end:
            upto = min(end, at + 10 * ROWS)
            await logs.read(self._old[LEARNING], {0: (at, upto)}, take)
            if rows:
                await logs.write({(self._new[LEARNING], 0): rows})
                rows.clear()
            at = upto
        return max(seen, there)

    async def _verify(self, placed: Mapping[int, PartitionState]) -> None:
        found = await self._states(self._new)
        if wrong := [p for p, part in placed.items() if found[p] != part]:
            raise RefusedError(f"The new changelog gives other states of partition {wrong[0]}: nothing was switched.")
        if await self._hash(self._old) != await self._hash(self._new):
            raise RefusedError("The new learning log holds other steps than the old one: nothing was switched.")

    async def _hash(self, topics: Topics) -> str:
        sha = hashlib.sha256()

        def take(_partition: int, records: Sequence[LogRecord]) -> None:
            for record in records:
                sha.update(b"%d " % len(record.value or b"") + (record.value or b""))

        await self._site.logs.read(topics[LEARNING], await self._site.logs.bounds(topics[LEARNING], 1), take)
        return sha.hexdigest()

    async def _snapshot(self, learned: int) -> None:
        """Keep the whole model for the copied log, which begins again at offset 0, where snapshots are kept."""
        site = self._site
        store, ours = open_store(site.settings), open_store(site.settings.of_generation(self._name, 0))
        end = (await site.logs.bounds(self._old[LEARNING], 1))[0][1]
        if store is None or ours is None or not learned:
            return
        rules = constants_of(site.settings).model
        model = await asyncio.to_thread(model_before, store, site.client, end, rules, whole=True)
        fold = build_world(site.quiet, model=model)
        await learn_before(fold, site.logs, self._old, end=end, erased=None, told=lambda _: None)
        last: list[LogRecord] = []
        await site.logs.read(self._new[LEARNING], {0: (learned - 1, learned)}, lambda _, records: last.extend(records))
        whole = fold.knowledge.model
        whole.offset = learned - 1
        frozen = freeze(whole, tail=tail_name(last[0].value))
        await asyncio.to_thread(ours.write, pieces(frozen), frozen.offset, int(time.time() * 1000))
