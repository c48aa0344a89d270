"""Run a plan to its end, from the beginning or from wherever an earlier run was stopped."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from schemas.topics import EVENTS, LEARNING, Topics
from streams.flow import LogRecord
from streams.replay.lockstep import ArrivalBudget, LockStep
from streams.replay.logs import Logs
from streams.replay.merging import Placed, arrival, event_time
from streams.replay.plan import Checkpoint, Plan
from streams.replay.target import Found, Target


class Watch(Protocol):
    """Told of the stages as they go on."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` steps."""

    def reached(self, done: int) -> None:
        """Say how many steps of the stage are done."""


class Pacer:
    """Hold records back until their time has come.

    Args:
        rate: how many times faster than they came in; None: as fast as it goes.
        clock: seconds.
    """

    def __init__(self, rate: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._began: tuple[float, int] | None = None

    def wait_s(self, time_ms: int) -> float:
        """Give how long a record of this time must wait from now on, in seconds.

        >>> pacer = Pacer(2, clock=lambda: 100.0)
        >>> pacer.wait_s(1000), pacer.wait_s(5000)
        (0.0, 2.0)
        """
        if self._rate is None:
            return 0.0
        now = self._clock()
        if self._began is None:
            self._began = now, time_ms
        began, first_ms = self._began
        return max(0.0, began + (time_ms - first_ms) / 1000 / self._rate - now)


class Run:
    """One plan, its engine and its target.

    Args:
        plan: what to do.
        logs: the broker.
        topics: where the source is.
        target: where to write.
        engine: works records through.
        found: what was there.
    """

    def __init__(
        self, plan: Plan, logs: Logs, topics: Topics, *, target: Target, engine: LockStep, found: Found
    ) -> None:
        self._plan = plan
        self._logs = logs
        self._topics = topics
        self._target = target
        self._engine = engine
        self._found = found
        self.checkpoint = found.checkpoint

    async def to_the_end(self, watch: Watch, pacer: Pacer) -> Checkpoint:
        """Work through what is left."""
        plan, at = self._plan, self.checkpoint
        source = await self._logs.source(
            self._topics[EVENTS],
            {p: (at.positions[p], end) for p, end in plan.ends.items()},
            clocks=at.clocks,
            time_of=arrival if plan.order == "arrival" else event_time,
        )
        torn = self._found.torn
        while piece := await source.piece(most=plan.records, span_ms=plan.span_ms):
            if (wait_s := pacer.wait_s(piece[0].time_ms)) > 0:
                await asyncio.sleep(wait_s)
            self.checkpoint = await (self._finish(piece) if torn else self._work(piece))
            torn = False
            watch.reached(self._reached())
        self.checkpoint = replace(self.checkpoint, positions={**at.positions, **plan.ends}, done=True)
        await self._target.note(checkpoint=self.checkpoint)
        watch.reached(plan.total)
        return self.checkpoint

    async def _work(self, piece: list[Placed]) -> Checkpoint:
        worked = self._engine.work([one.record for one in piece])
        return await self._target.write(piece, worked, self._engine, self.checkpoint)

    async def _finish(self, piece: list[Placed]) -> Checkpoint:
        """Bring a piece to its end that was written but for some states."""
        worked = self._engine.work([one.record for one in piece], learn=False)
        outputs = {topic: dict(ends) for topic, ends in self.checkpoint.outputs.items()}
        for (topic, partition), tail in self._found.tail.items():
            of_topic = outputs.setdefault(topic, {})
            of_topic[partition] = of_topic.get(partition, 0) + len(tail)
            if topic == LEARNING:
                for step in tail:
                    self._engine.learn(step.value, arrived_ms=step.timestamp_ms)
            tail.clear()
        before = replace(self.checkpoint, outputs=outputs)
        return await self._target.write_states(piece, worked, self._engine, before)

    def _reached(self) -> int:
        at = self.checkpoint.positions
        return sum(at[partition] - start for partition, start in self._plan.starts.items())


def engine_at(checkpoint: Checkpoint, make: Callable[[ArrivalBudget], LockStep], *, per_s: int) -> LockStep:
    """Make an engine that goes on behind a checkpoint; what it learned before is still to be read."""
    budget = ArrivalBudget(per_s, second=checkpoint.second, in_second=checkpoint.in_second)
    engine = make(budget)
    engine.counts = Counter(checkpoint.counts)
    return engine


async def learn_own(engine: LockStep, logs: Logs, topic: str, *, end: int) -> None:
    """Read what the replay itself has learned up to its checkpoint."""

    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        for record in records:
            engine.learn(record.value, arrived_ms=record.timestamp_ms)

    await logs.read(topic, {0: (0, end)}, take)
