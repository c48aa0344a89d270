"""Build a complete new generation of states and model from the retained events, verify it, and have it served.

The live workers go on meanwhile. Only for the last events must they have left.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, NamedTuple, Protocol

from schemas.errors import RefusedError
from schemas.topics import CHANGELOG, DERIVED, EVENTS, LEARNING, Topics
from streams.bootstrap import build_world, clicks_rules
from streams.partitions import WATERMARK_KEY, PartitionState, Restore
from streams.replay.lockstep import ArrivalBudget, LockStep
from streams.replay.past import catalogue_ends, marks, read_catalogue
from streams.replay.plan import Checkpoint, Plan
from streams.replay.replaying import FOREVER_MS, NOBODY, Installation, counting, digest_of, made_by
from streams.replay.running import Pacer, Run, engine_at, learn_own
from streams.replay.seeding import Grown, copy_older_steps, seed_states
from streams.replay.target import Target
from streams.world import World
from streams.writer import Row

ASKED = {"--apply": "yes"}

POLL_S = 0.5


class Live(Protocol):
    """The live workers' group."""

    def members(self) -> int:
        """Count the workers in it now."""


class Applied(NamedTuple):
    """What was built and is served now; `digest` is of its slates without `decided_at`, `model` of its model."""

    generation: str
    previous: str
    events: int
    erased: int
    slates: int
    learned: int
    copied: int
    visitors: int
    seconds: float
    events_per_s: float
    digest: str
    model: str


@dataclass
class Built:
    """A generation that stands where the live one stands, verified."""

    applied: Applied
    positions: Mapping[int, int]


class Apply:
    """Build one generation.

    Args:
        name: its name; its topics exist.
        site: the installation.
        live: who works on it.
        wait_s: how long to wait for the workers to leave.
        grown: when partitions were added last.
    """

    def __init__(self, name: str, site: Installation, live: Live, *, wait_s: float, grown: Grown | None = None) -> None:
        self._name = name
        self._site = site
        self._live = live
        self._wait_s = wait_s
        self._grown = grown
        self._target = Target(site.logs, names_of(site.topics, name))
        self._world: World
        self._engine: LockStep

    async def build(self, say: Callable[[str], object]) -> Built:
        """Replay everything, wait for the workers to leave, replay the rest, verify.

        Raises:
            RefusedError: the workers did not leave in time, or what was built is not what it must be.
        """
        began = monotonic()
        plan, checkpoint = await self._begun()
        self._world = await self._catalogue(plan)
        found = await self._target.find(checkpoint, await self._parts(plan))
        rules = clicks_rules(self._site.settings)

        def make(budget: ArrivalBudget) -> LockStep:
            return LockStep(self._world, rules, found.parts, budget=budget, erased=self._site.erased)

        self._engine = engine_at(checkpoint, make, per_s=rules.training_per_s)
        await learn_own(self._engine, self._site.logs, self._target.topics[LEARNING], end=checkpoint.learned)
        before = checkpoint.counts.get("events", 0)
        self._site.watch.stage("replay", plan.total)
        run = Run(plan, self._site.logs, self._site.topics, target=self._target, engine=self._engine, found=found)
        checkpoint = await run.to_the_end(self._site.watch, Pacer(None))
        seconds = monotonic() - began
        rate = (checkpoint.counts.get("events", 0) - before) / seconds
        plan, checkpoint = await self._last_events(plan, checkpoint, say)
        say("Verifying: the model from its log, the visitors from theirs, every offset")
        model = await self._verify(checkpoint)
        await self._finish(checkpoint)
        slates, digest = await digest_of(self._site.logs, self._target.topics)
        counts = checkpoint.counts
        applied = Applied(
            generation=self._name,
            previous=self._site.settings.generation,
            events=counts.get("events", 0),
            erased=counts.get("erased", 0),
            slates=slates,
            learned=checkpoint.learned - plan.base,
            copied=plan.base,
            visitors=sum(len(part.visitors) for part in self._engine.parts.values()),
            seconds=round(monotonic() - began, 3),
            events_per_s=round(rate, 1),
            digest=digest,
            model=model,
        )
        return Built(applied, checkpoint.positions)

    async def _begun(self) -> tuple[Plan, Checkpoint]:
        """Go on with what was begun, or begin: copy and seed what is older than the log."""
        site, target = self._site, self._target
        notes = await target.notes()
        if notes.plan is not None and notes.plan.made_by != made_by(site.settings):
            raise RefusedError(
                f"Generation {self._name} was begun by another build or with other settings: delete it with `aisle "
                f"generations delete {self._name}` and start again."
            )
        plan = notes.plan or await self._plan()
        if notes.checkpoint is not None:
            return plan, notes.checkpoint
        if notes.plan is None:
            await target.note(plan=plan)
        parts = await self._parts(plan)
        told = counting(site.watch, "older steps", (await site.logs.bounds(site.topics[LEARNING], 1))[0][1])
        copied = await copy_older_steps(
            site.logs, site.topics, target.topics, parts=parts, erased=site.erased, told=told
        )
        starts_ms = await self._starts_ms(plan)
        told = counting(site.watch, "older visitors", 0)
        await seed_states(
            site.logs,
            site.topics,
            target.topics,
            parts=parts,
            starts_ms=starts_ms,
            grown=self._grown,
            erased=site.erased,
            told=told,
        )
        plan = replace(plan, base=copied)
        checkpoint = Checkpoint.first(plan, learned=copied, outputs=await target.ends())
        await target.note(plan=plan, checkpoint=checkpoint)
        return plan, checkpoint

    async def _plan(self) -> Plan:
        site = self._site
        bounds = await site.logs.bounds(site.topics[EVENTS], site.topics.partitions)
        starts, ends = {p: start for p, (start, _) in bounds.items()}, await self._marks(bounds)
        catalogue = await catalogue_ends(site.logs, site.topics)
        return Plan(ASKED, "arrival", starts, ends, 0, catalogue, made_by(site.settings), FOREVER_MS, site.piece)

    async def _marks(self, starts: Mapping[int, Any]) -> dict[int, int]:
        """Give one past the last offset that the live workers have made durable."""
        known = await marks(self._site.logs, self._site.topics)
        return {p: known.get(p, NOBODY).mark + 1 for p in starts}

    async def _parts(self, plan: Plan) -> dict[int, PartitionState]:
        known = await marks(self._site.logs, self._site.topics)
        parts = {}
        for partition, start in plan.starts.items():
            mark = known.get(partition, NOBODY)
            topic_id = mark.topic_id or self._site.source_id
            parts[partition] = PartitionState(partition, mark=start - 1, epoch=mark.epoch, topic_id=topic_id)
        return parts

    async def _starts_ms(self, plan: Plan) -> dict[int, int]:
        """Give when the first retained record of each partition came in, where something came before it."""
        found: dict[int, int] = {}
        spans = {p: (start, plan.ends[p]) for p, start in plan.starts.items() if start > 0}

        def take(partition: int, records: Any) -> None:
            found.setdefault(partition, records[0].timestamp_ms)

        await self._site.logs.read(
            self._site.topics[EVENTS], {p: (start, min(start + 1, end)) for p, (start, end) in spans.items()}, take
        )
        return {p: found.get(p, FOREVER_MS) for p in spans}

    async def _catalogue(self, plan: Plan) -> World:
        world = build_world(self._site.quiet.of_generation(self._name, self._site.topics.partitions))
        total = sum(sum(ends.values()) for ends in plan.catalogue.values())
        told = counting(self._site.watch, "catalogue", total)
        await read_catalogue(world, self._site.logs, self._site.topics, plan.catalogue, told)
        return world

    async def _last_events(
        self, plan: Plan, checkpoint: Checkpoint, say: Callable[[str], object]
    ) -> tuple[Plan, Checkpoint]:
        """Follow the live workers until they have left, and then to their end."""
        until, told = monotonic() + self._wait_s, False
        while True:
            members = self._live.members()
            plan, checkpoint = await self._follow(plan, checkpoint)
            if not members:
                return plan, checkpoint
            if not told:
                say(f"Stop the workers: generation {self._name} takes over where they end ({members} at work).")
                told = True
            if monotonic() > until:
                raise RefusedError(
                    f"Workers still at work after {self._wait_s:.0f} s: {members}. Stop them; the same command goes on "
                    "from here (--wait SECONDS waits longer)."
                )
            await asyncio.sleep(POLL_S)

    async def _follow(self, plan: Plan, checkpoint: Checkpoint) -> tuple[Plan, Checkpoint]:
        """Replay what the live workers have done since."""
        ends = await self._marks(plan.starts)
        if all(checkpoint.positions[p] >= end for p, end in ends.items()):
            return plan, checkpoint
        plan, checkpoint = replace(plan, ends=ends), replace(checkpoint, done=False)
        await self._target.note(plan=plan, checkpoint=checkpoint)
        self._site.watch.stage("last events", plan.total)
        found = self._target.going_on(checkpoint, self._engine.parts)
        run = Run(plan, self._site.logs, self._site.topics, target=self._target, engine=self._engine, found=found)
        return plan, await run.to_the_end(self._site.watch, Pacer(None))

    async def _verify(self, checkpoint: Checkpoint) -> str:
        """Hold what stands in the logs against what was built; gives the model's digest."""
        site, target, engine = self._site, self._target, self._engine
        for partition, end in (await self._marks(checkpoint.positions)).items():
            if checkpoint.positions[partition] != end or engine.parts[partition].mark != end - 1:
                raise RefusedError(f"Partition {partition} was not replayed up to offset {end}: nothing was switched.")
        fresh = build_world(site.quiet).learning
        spans = await site.logs.bounds(target.topics[LEARNING], 1)

        def fold(_partition: int, records: Any) -> None:
            for record in records:
                fresh.apply(record)

        await site.logs.read(target.topics[LEARNING], spans, fold)
        digest = fresh.model.digest()
        if digest != self._world.knowledge.model.digest():
            raise RefusedError("The new learning log gives another model than was built: nothing was switched.")
        bounds = await site.logs.bounds(target.topics[CHANGELOG], target.topics.partitions)
        for partition, part in engine.parts.items():
            restore = Restore(partition)
            await site.logs.read(
                target.topics[CHANGELOG],
                {partition: bounds[partition]},
                lambda _, some: restore.changelog(some),  # noqa: B023  read at once
            )
            if restore.finish().visitors != part.visitors:
                raise RefusedError(
                    f"The new changelog gives other visitors of partition {partition} than were built: nothing was "
                    "switched."
                )
        return digest

    async def _finish(self, checkpoint: Checkpoint) -> None:
        """Let workers go on from here: they look where the last ones would have for slates sent without a state."""
        site, target = self._site, self._target
        known = await marks(site.logs, site.topics)
        rows = {}
        for partition, part in self._engine.parts.items():
            out_end = known.get(partition, NOBODY).out_end
            state = replace(part, mark=checkpoint.positions[partition] - 1, out_end=out_end)
            rows[target.topics[CHANGELOG], partition] = [Row(WATERMARK_KEY, state.watermark().encode())]
        await site.logs.write(rows)


def names_of(topics: Topics, name: str) -> Topics:
    """Give the names that a generation is built under."""
    return replace(topics, generation=name, own=DERIVED)
