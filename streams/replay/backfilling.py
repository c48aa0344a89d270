"""History into the state and the model before the shop opens: worked through in event-time order, without slates."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from schemas.errors import RefusedError
from schemas.topics import ERASURES, EVENTS, EVENTS_DEAD, LEARNING, SLATES, TopicName
from streams.bootstrap import build_world, clicks_rules, constants_of
from streams.deciding import UNLIMITED
from streams.erased import Erased
from streams.partitions import PartitionState
from streams.replay.lockstep import ArrivalBudget, LockStep
from streams.replay.past import catalogue_ends, learn_before, marks, model_before, read_catalogue, undecided, waiting
from streams.replay.plan import Checkpoint, Plan
from streams.replay.replaying import FOREVER_MS, NOBODY, Installation, counting, made_by
from streams.replay.running import Pacer, Run, engine_at
from streams.replay.target import Notes, Target
from streams.snapshots import open_store

WRITTEN: tuple[TopicName, ...] = (LEARNING, EVENTS_DEAD, ERASURES)
NAME = "backfill"


class Filled(NamedTuple):
    """What a backfill came to."""

    events: int
    erased: int
    learned: int
    dead_letters: int
    seconds: float
    events_per_s: float


@dataclass
class Backfill:
    """Work everything through that no worker has, into the live state.

    Args:
        site: the installation; nobody else works on it meanwhile.
        committed: what the workers' group has committed, by partition.
    """

    site: Installation
    committed: Mapping[int, int]

    def __post_init__(self) -> None:
        self._target = Target(self.site.logs, self.site.topics, written=WRITTEN)

    async def begin(self) -> Erased:
        """Say that a backfill begins, before the first event is written; gives who is to be left out.

        Raises:
            RefusedError: events wait for the workers, who would owe slates for them.
        """
        if (await self._begun()).plan is None:
            plan = await self._fresh_plan()
            if there := await waiting(self.site.logs, self.site.topics, await marks(self.site.logs, self.site.topics)):
                raise RefusedError(
                    f"{there} events wait in {self.site.topics[EVENTS]}: let `aisle worker clicks` finish, then stop "
                    "it."
                )
            await self._note(plan)
        return self.site.erased

    async def work(self) -> tuple[Filled, dict[int, int]]:
        """Work through all that is in the log now.

        Returns:
            what came of it, and the next offset of each partition.
        """
        notes, done, began = await self._begun(), Counter[str](), monotonic()
        if notes.plan is not None and notes.plan.total:
            done += await self._through(notes)
        plan = await self._fresh_plan()
        if plan.total:
            done += await self._through(await self._note(plan))
        await self._target.forget_notes()
        known = await marks(self.site.logs, self.site.topics)
        seconds = monotonic() - began
        filled = Filled(
            events=done["events"],
            erased=done["erased"],
            learned=done["learned"],
            dead_letters=done["dead_letters"],
            seconds=round(seconds, 3),
            events_per_s=round(done["now"] / seconds, 1),
        )
        return filled, {partition: mark.mark + 1 for partition, mark in known.items()}

    async def _through(self, notes: Notes) -> "Counter[str]":
        plan, at = notes.plan, notes.checkpoint
        assert plan is not None, "the caller has looked"
        assert at is not None, "both are written together"
        after = at if at.done else await self._run(plan, at)
        dead = {when: sum(one.outputs.get(EVENTS_DEAD, {}).values()) for when, one in (("", at), ("after", after))}
        now = after.counts.get("events", 0) - at.counts.get("events", 0)
        more = {"learned": after.learned - plan.base, "dead_letters": dead["after"] - dead[""], "now": now}
        return Counter(after.counts) + Counter(more)

    async def _begun(self) -> Notes:
        """Give the notes of a backfill that was stopped, unless workers have gone on since."""
        notes = await self._target.notes()
        at = notes.checkpoint
        if at is None or any(offset > at.positions.get(p, 0) for p, offset in self.committed.items()):
            return Notes(None, None)
        return notes

    async def _fresh_plan(self) -> Plan:
        site = self.site
        known = await marks(site.logs, site.topics)
        bounds = await site.logs.bounds(site.topics[EVENTS], site.topics.partitions)
        for partition, mark in known.items():
            if 0 <= mark.mark < bounds[partition][0] - 1 or mark.mark >= bounds[partition][1]:
                raise RefusedError(
                    f"partition {partition} of {site.topics[EVENTS]} does not go on where its state ends (offset "
                    f"{mark.mark}): start a worker once, which says how to mend it."
                )
        starts = {p: max(start, known.get(p, NOBODY).mark + 1) for p, (start, _) in bounds.items()}
        ends = {p: end for p, (_, end) in bounds.items()}
        base = (await site.logs.bounds(site.topics[LEARNING], 1))[0][1]
        catalogue = await catalogue_ends(site.logs, site.topics)
        by = made_by(site.settings)
        return Plan({"kind": NAME}, "event", starts, ends, base, catalogue, by, FOREVER_MS, site.piece)

    async def _note(self, plan: Plan) -> Notes:
        checkpoint = Checkpoint.first(plan, learned=plan.base, outputs=await self._target.ends())
        await self._target.note(plan=plan, checkpoint=checkpoint)
        return Notes(plan, checkpoint)

    async def _run(self, plan: Plan, checkpoint: Checkpoint) -> Checkpoint:
        site = self.site
        model = await asyncio.to_thread(
            model_before,
            open_store(site.settings),
            site.client,
            checkpoint.learned,
            constants_of(site.settings).model,
            whole=True,
        )
        world = build_world(site.quiet, model=model)
        told = counting(site.watch, "catalogue", sum(sum(ends.values()) for ends in plan.catalogue.values()))
        await read_catalogue(world, site.logs, site.topics, plan.catalogue, told)
        told = counting(site.watch, "model", checkpoint.learned)
        await learn_before(world, site.logs, site.topics, end=checkpoint.learned, erased=None, told=told)
        found = await self._target.find(checkpoint, await self._seeds(plan))
        rules = undecided(clicks_rules(site.settings))

        def make(budget: ArrivalBudget) -> LockStep:
            return LockStep(world, rules, found.parts, budget=budget, erased=site.erased, next_step=checkpoint.learned)

        engine = engine_at(checkpoint, make, per_s=UNLIMITED)
        site.watch.stage(NAME, plan.total)
        run = Run(plan, site.logs, site.topics, target=self._target, engine=engine, found=found)
        return await run.to_the_end(site.watch, Pacer(None))

    async def _seeds(self, plan: Plan) -> dict[int, PartitionState]:
        """Give partitions without visitors: those are in the changelog. The search for slates begins behind all."""
        site = self.site
        known = await marks(site.logs, site.topics)
        slates = await site.logs.bounds(site.topics[SLATES], site.topics.partitions)
        seeds = {}
        for partition, start in plan.starts.items():
            mark = known.get(partition, NOBODY)
            topic_id = mark.topic_id or site.source_id
            seeds[partition] = PartitionState(
                partition, mark=start - 1, out_end=slates[partition][1], epoch=mark.epoch, topic_id=topic_id
            )
        return seeds
