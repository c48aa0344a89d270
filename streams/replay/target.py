"""Where a replay writes: outputs, then states and marks, then how far it has come, each awaited before the next.

Killed anywhere, it goes on without a trace. Its outputs of a piece are a prefix of what it would write: they are made
again and the prefix is not sent. Where states of the piece were written too, all its outputs stand already.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from schemas.errors import RefusedError
from schemas.topics import CHANGELOG, EVENTS_DEAD, EVIDENCE, LEARNING, SLATES, SPECS, TopicName, Topics
from streams.flow import LogRecord, Out
from streams.partitions import WATERMARK_KEY, PartitionState, Restore
from streams.replay.lockstep import LockStep, Worked
from streams.replay.logs import Logs
from streams.replay.merging import Placed
from streams.replay.plan import CHECKPOINT_KEY, PLAN_KEY, Checkpoint, Plan
from streams.writer import Row

WRITTEN: tuple[TopicName, ...] = (SLATES, EVIDENCE, EVENTS_DEAD, LEARNING)


class Notes(NamedTuple):
    """What stands in the target's own notes."""

    plan: Plan | None
    checkpoint: Checkpoint | None


@dataclass
class Found:
    """What a replay that was stopped has left: states, what was written after its checkpoint, and how that ended.

    `torn` says that states of the piece under way were written, hence all of its outputs.
    """

    checkpoint: Checkpoint
    parts: dict[int, PartitionState]
    tail: dict[tuple[TopicName, int], deque[LogRecord]] = field(default_factory=dict)
    torn: bool = False


class Target:
    """The topics a replay writes to.

    Args:
        logs: the broker.
        topics: names, and how many partitions.
        written: the outputs that are kept; others are dropped.
    """

    def __init__(self, logs: Logs, topics: Topics, *, written: Sequence[TopicName] = WRITTEN) -> None:
        self._logs = logs
        self.topics = topics
        self._written = frozenset(written)
        self._tail: dict[tuple[TopicName, int], deque[LogRecord]] = {}

    async def notes(self) -> Notes:
        """Read plan and checkpoint."""
        found: dict[bytes | None, bytes | None] = {}

        def take(_partition: int, records: Sequence[LogRecord]) -> None:
            found.update((record.key, record.value) for record in records if record.key in {PLAN_KEY, CHECKPOINT_KEY})

        name = self.topics[CHANGELOG]
        await self._logs.read(name, {0: (await self._logs.bounds(name, self.topics.partitions))[0]}, take)
        plan, checkpoint = found.get(PLAN_KEY), found.get(CHECKPOINT_KEY)
        return Notes(
            None if plan is None else Plan.decode(plan), None if checkpoint is None else Checkpoint.decode(checkpoint)
        )

    async def note(self, *, plan: Plan | None = None, checkpoint: Checkpoint | None = None) -> None:
        """Write plan or checkpoint."""
        rows = [Row(PLAN_KEY, plan.encode())] if plan else []
        rows += [Row(CHECKPOINT_KEY, checkpoint.encode())] if checkpoint else []
        await self._logs.write({(self.topics[CHANGELOG], 0): rows})

    async def forget_notes(self) -> None:
        """Leave nothing behind but what a worker needs."""
        await self._logs.write({(self.topics[CHANGELOG], 0): [Row(PLAN_KEY, None), Row(CHECKPOINT_KEY, None)]})

    async def ends(self) -> dict[TopicName, dict[int, int]]:
        """Give the ends of the outputs."""
        return {
            topic: {p: end for p, (_, end) in (await self._logs.bounds(self.topics[topic], self._count(topic))).items()}
            for topic in sorted(self._written)
        }

    async def find(self, checkpoint: Checkpoint, seeds: Mapping[int, PartitionState]) -> Found:
        """Read what was left after a checkpoint.

        Args:
            checkpoint: the last one, or that before the first record.
            seeds: states before the first record; what the changelog has is newer.
        """
        restores = {partition: _seeded(partition, seed) for partition, seed in seeds.items()}
        name = self.topics[CHANGELOG]
        spans = await self._logs.bounds(name, self.topics.partitions)
        await self._logs.read(name, {p: spans[p] for p in restores}, lambda p, records: restores[p].changelog(records))
        positions = checkpoint.positions
        torn = any(restore.reach >= positions[p] for p, restore in restores.items() if p in positions)
        parts = {}
        for partition, restore in restores.items():
            mark = positions[partition] - 1 if partition in positions else seeds[partition].mark
            found = restore.finish()
            parts[partition] = replace(seeds[partition], mark=mark, visitors=found.visitors, requeued=found.requeued)
        self._tail = await self._read_tail(checkpoint)
        return Found(checkpoint, parts, self._tail, torn)

    def going_on(self, checkpoint: Checkpoint, parts: Mapping[int, PartitionState]) -> Found:
        """Give where a run stands that goes on in the same process."""
        return Found(checkpoint, dict(parts), self._tail)

    async def write(self, piece: list[Placed], worked: Worked, engine: LockStep, before: Checkpoint) -> Checkpoint:
        """Make a piece durable.

        Raises:
            RefusedError: what stands there already is not what this build makes of the same records.
        """
        outputs = await self._write_outputs(worked.outputs, before.outputs)
        return await self.write_states(piece, worked, engine, replace(before, outputs=outputs))

    async def write_states(
        self, piece: list[Placed], worked: Worked, engine: LockStep, before: Checkpoint
    ) -> Checkpoint:
        """Make the states of a piece durable, and that it is done."""
        changelog = self.topics[CHANGELOG]
        rows: dict[tuple[str, int], list[Row]] = {}
        for partition in sorted({one.record.partition for one in piece}):
            state = engine.parts[partition]
            state.out_end = before.outputs.get(SLATES, {}).get(partition, state.out_end)
            touched = worked.touched.get(partition, {})
            rows[changelog, partition] = [
                *(Row(key, value, state.headers(value)) for key, value in touched.items()),
                Row(WATERMARK_KEY, state.watermark().encode()),
            ]
        await self._logs.write(rows)
        budget = engine.budget
        after = before.after(
            piece,
            learned=before.outputs.get(LEARNING, {}).get(0, before.learned),
            second=budget.second,
            in_second=budget.in_second,
            counts=dict(engine.counts),
        )
        await self.note(checkpoint=after)
        return after

    async def _write_outputs(
        self, outputs: Iterable[tuple[Out, int]], before: Mapping[TopicName, Mapping[int, int]]
    ) -> dict[TopicName, dict[int, int]]:
        ends = {topic: dict(by_partition) for topic, by_partition in before.items()}
        rows: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        for out, arrived_ms in outputs:
            if out.topic not in self._written:
                continue
            to = out.topic, out.partition
            of_topic = ends.setdefault(out.topic, {})
            of_topic[out.partition] = of_topic.get(out.partition, 0) + 1
            if tail := self._tail.get(to):
                self._compare(tail.popleft(), out)
            else:
                # The time its event came in, where a broker lets writers say; others stamp it now.
                at_ms = arrived_ms if out.topic == LEARNING else None
                rows[self.topics[out.topic], out.partition].append(Row(out.key, out.value, timestamp_ms=at_ms))
        for (name, partition), end in (await self._logs.write(rows)).items():
            wanted = next(ends[topic][partition] for topic in self._written if self.topics[topic] == name)
            if end != wanted:
                raise RefusedError(
                    f"{name}[{partition}] ends at {end} and not at {wanted}: somebody else writes there; stop it, or "
                    "replay into another prefix (--into)."
                )
        return ends

    def _compare(self, there: LogRecord, out: Out) -> None:
        if there.value != out.value:
            raise RefusedError(
                f"{self.topics[out.topic]}[{out.partition}] has another record at offset {there.offset} than this "
                "build makes of the same events: another build began it, or the settings changed; start again into "
                "another prefix (--into)."
            )

    async def _read_tail(self, checkpoint: Checkpoint) -> dict[tuple[TopicName, int], deque[LogRecord]]:
        tail: defaultdict[tuple[TopicName, int], deque[LogRecord]] = defaultdict(deque)
        for topic, ends in (await self.ends()).items():
            known = checkpoint.outputs.get(topic, {})
            spans = {p: (known.get(p, 0), end) for p, end in ends.items()}

            def take(partition: int, records: Sequence[LogRecord], topic: TopicName = topic) -> None:
                tail[topic, partition].extend(records)

            await self._logs.read(self.topics[topic], spans, take)
        return dict(tail)

    def _count(self, topic: TopicName) -> int:
        return self.topics.partitions_of(next(spec for spec in SPECS if spec.name == topic))


def _seeded(partition: int, seed: PartitionState) -> Restore:
    restore = Restore(partition)
    restore.changelog([LogRecord(partition, -1, 0, WATERMARK_KEY, seed.watermark().encode())])
    restore.changelog(
        LogRecord(partition, -1, 0, key, value, seed.headers(value))
        for key, value in (seed.visitors | seed.requeued.entries()).items()
    )
    return restore
