"""A replay into topics of its own: what would have come out, had the events met this build, these settings, now."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Any, NamedTuple

from schemas.errors import RefusedError
from schemas.topics import DERIVED, EVENTS, EVENTS_DEAD, LEARNING, SLATES, Topics
from streams.bootstrap import build_world, clicks_rules, constants_of, names_of
from streams.erased import Erased
from streams.flow import LogRecord
from streams.partitions import PartitionState, Watermark
from streams.replay.lockstep import ArrivalBudget, Keep, LockStep
from streams.replay.logs import Logs
from streams.replay.past import catalogue_ends, learn_before, marks, model_before, read_catalogue, steps_before, warm
from streams.replay.plan import PIECE_RECORDS, Checkpoint, Plan
from streams.replay.running import Pacer, Run, Watch, engine_at, learn_own
from streams.replay.target import Notes, Target
from streams.replay.times import between, first_arrival
from streams.settings import Settings
from streams.snapshots import open_store
from streams.world import World

PACED_SPAN_S = 0.2
"""Longest wait of a paced replay's record for those it is written with, seconds of the replay."""

FOREVER_MS = 1 << 62

NOBODY = Watermark(-1, 0)
"""Where a partition stands that nobody has worked on."""

_DECIDED = re.compile(rb'"decided_at":"[^"]*",')


@dataclass(frozen=True)
class Asked:
    """What the command was given.

    Args:
        start: arrival of the first event; None: all there is.
        end: arrival that no event reaches; None: now.
        event_start: event time, as `start`.
        event_end: event time, as `end`.
        partitions: of the source; none: all.
        into: name of the replay.
        rate: how many times faster than events came in; None: as fast as it goes.
    """

    start: datetime | None = None
    end: datetime | None = None
    event_start: datetime | None = None
    event_end: datetime | None = None
    partitions: tuple[int, ...] = ()
    into: str = ""
    rate: float | None = None

    @property
    def words(self) -> dict[str, str]:
        """Give what makes another replay of it, by option."""
        said: dict[str, object] = {
            "--from": self.start and self.start.isoformat(),
            "--to": self.end and self.end.isoformat(),
            "--event-from": self.event_start and self.event_start.isoformat(),
            "--event-to": self.event_end and self.event_end.isoformat(),
            "--partition": ",".join(map(str, self.partitions)),
        }
        return {option: str(value) for option, value in said.items() if value}

    @property
    def name(self) -> str:
        """Give the name of its topics: equal commands, equal name, so that the second goes on with the first."""
        if self.into:
            return self.into.rstrip(".")
        text = repr(sorted(self.words.items())).encode()
        return f"replay-{hashlib.blake2b(text, digest_size=4).hexdigest()}"

    @property
    def keep(self) -> Keep | None:
        """Give which events are taken."""
        return between(self.event_start, self.event_end)


class Summary(NamedTuple):
    """What a replay came to; `digest` is of its slates without `decided_at`, `seconds` of this run of it."""

    into: str
    records: int
    events: int
    erased: int
    outside: int
    slates: int
    learned: int
    dead_letters: int
    seconds: float
    events_per_s: float
    digest: str


@dataclass
class Installation:
    """What a replay needs of the installation it replays.

    `client` holds what every aiokafka client takes; `source_id` is the clickstream's, where the broker gives one;
    `piece` records are worked through between two writes.
    """

    settings: Settings
    logs: Logs
    client: Mapping[str, Any]
    erased: Erased
    watch: Watch
    source_id: str = ""
    piece: int = PIECE_RECORDS

    @property
    def topics(self) -> Topics:
        """Give the live topics."""
        return self.settings.topics

    @property
    def quiet(self) -> Settings:
        """Give settings that touch no index of the live workers."""
        return self.settings.model_copy(update={"qdrant_url": None, "index": "numpy"})


def target_topics(settings: Settings, name: str) -> Topics:
    """Give the names that a replay writes to."""
    return replace(settings.topics, generation=name, own=DERIVED)


async def replay(asked: Asked, site: Installation) -> Summary:
    """Replay, or go on with it; the target's topics exist.

    Raises:
        RefusedError: the target holds another replay.
    """
    target = Target(site.logs, target_topics(site.settings, asked.name))
    notes = await target.notes()
    plan = await _plan(asked, site, target, notes)
    checkpoint = notes.checkpoint or Checkpoint.first(plan, learned=0, outputs=await target.ends())
    if notes.plan is None:
        await target.note(plan=plan, checkpoint=checkpoint)
    began, before = monotonic(), checkpoint.counts.get("events", 0)
    if not checkpoint.done:
        engine, found = await _ready(asked, plan, checkpoint, site, target)
        site.watch.stage("replay", plan.total)
        began = monotonic()
        run = Run(plan, site.logs, site.topics, target=target, engine=engine, found=found)
        checkpoint = await run.to_the_end(site.watch, Pacer(asked.rate))
    return await summary(asked.name, checkpoint, target, site, seconds=monotonic() - began, before=before)


async def _plan(asked: Asked, site: Installation, target: Target, notes: Notes) -> Plan:
    if notes.plan is not None:
        if notes.plan.asked != asked.words:
            given = " ".join(f"{option} {value}" for option, value in notes.plan.asked.items()) or "no limits"
            raise RefusedError(f"{asked.name} holds a replay with {given}: name another one by --into.")
        if notes.plan.made_by != made_by(site.settings):
            raise RefusedError(
                f"{asked.name} was begun by another build or with other settings, whose slates are others: start again "
                "into another prefix (--into)."
            )
        return notes.plan
    if any(ends for by_partition in (await target.ends()).values() for ends in by_partition.values()):
        raise RefusedError(f"{asked.name} has records that no replay wrote there: name another one by --into.")
    topics, partitions = site.topics, asked.partitions or tuple(range(site.topics.partitions))
    if beyond := [p for p in partitions if p >= topics.partitions]:
        raise RefusedError(f"There is no partition {beyond[0]}: {topics[EVENTS]} has 0 to {topics.partitions - 1}.")
    bounds = await site.logs.bounds(topics[EVENTS], topics.partitions)
    first, ends = {p: start for p, (start, _) in bounds.items()}, {p: bounds[p][1] for p in partitions}
    since = asked.start
    if since is not None:
        at = await site.logs.offsets_at(topics[EVENTS], topics.partitions, since)
        first = {p: max(start, at[p]) for p, start in first.items()}
    elif any(first[p] for p in partitions):
        since = await first_arrival(site.logs, topics[EVENTS], {p: first[p] for p in partitions}, ends)
    base = 0 if since is None else await steps_before(site.logs, topics, first, since)
    starts = {p: first[p] for p in partitions}
    if asked.end is not None:
        at = await site.logs.offsets_at(topics[EVENTS], topics.partitions, asked.end)
        ends = {p: max(starts[p], min(end, at[p])) for p, end in ends.items()}
    span_ms = FOREVER_MS if asked.rate is None else round(asked.rate * PACED_SPAN_S * 1000)
    catalogue = await catalogue_ends(site.logs, topics)
    return Plan(asked.words, "arrival", starts, ends, base, catalogue, made_by(site.settings), span_ms, site.piece)


def made_by(settings: Settings) -> str:
    """Name what slates depend on beside the logs."""
    rules = clicks_rules(settings)
    kept = f"{rules.training_share} {rules.training_per_s} {rules.evidence_share}"
    settings_hash, build = names_of(settings)
    return f"{build} {settings_hash} {kept}"


async def _ready(
    asked: Asked, plan: Plan, checkpoint: Checkpoint, site: Installation, target: Target
) -> tuple[LockStep, Any]:
    """Bring catalogue, model and visitors to where the checkpoint stands."""
    world = await _world(plan, site)
    rules = clicks_rules(site.settings)
    seeds = await _warmed(plan, site, world)
    found = await target.find(checkpoint, seeds)

    def make(budget: ArrivalBudget) -> LockStep:
        return LockStep(
            world, rules, found.parts, budget=budget, erased=site.erased, keep=asked.keep, next_step=plan.base
        )

    engine = engine_at(checkpoint, make, per_s=rules.training_per_s)
    await learn_own(engine, site.logs, target.topics[LEARNING], end=checkpoint.learned)
    return engine, found


async def _world(plan: Plan, site: Installation) -> World:
    """Build the catalogue as it is now, and the model as it was before the first record."""
    rules = constants_of(site.settings).model
    model = await asyncio.to_thread(model_before, open_store(site.settings), site.client, plan.base, rules)
    world = build_world(site.quiet, model=model)
    told = counting(site.watch, "catalogue", sum(sum(ends.values()) for ends in plan.catalogue.values()))
    await read_catalogue(world, site.logs, site.topics, plan.catalogue, told)
    told = counting(site.watch, "model", plan.base)
    await learn_before(world, site.logs, site.topics, end=plan.base, erased=site.erased, told=told)
    return world


async def _warmed(plan: Plan, site: Installation, world: World) -> dict[int, PartitionState]:
    """Bring visitors to where they stood before the first record, as far as the log reaches back."""
    live = await marks(site.logs, site.topics)
    seeds = {}
    for partition in plan.starts:
        known = live.get(partition, NOBODY)
        seeds[partition] = PartitionState(partition, epoch=known.epoch, topic_id=known.topic_id)
    bounds = await site.logs.bounds(site.topics[EVENTS], site.topics.partitions)
    told = counting(site.watch, "visitors", sum(start - bounds[p][0] for p, start in plan.starts.items()))
    await warm(
        seeds, world, clicks_rules(site.settings), site.logs, site.topics,
        ends=plan.starts, erased=site.erased, told=told,
    )  # fmt: skip
    return {p: replace(seed, mark=plan.starts[p] - 1) for p, seed in seeds.items()}


def counting(watch: Watch, stage: str, total: int) -> Callable[[int], None]:
    """Begin a stage, and give what is told how many more steps of it are done."""
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        watch.reached(done)

    watch.stage(stage, total)
    return told


async def summary(
    name: str, checkpoint: Checkpoint, target: Target, site: Installation, *, seconds: float, before: int
) -> Summary:
    """Say what a replay came to, from what stands in its topics."""
    slates, digest = await digest_of(site.logs, target.topics)
    counts = checkpoint.counts
    events = counts.get("events", 0)
    letters = await site.logs.bounds(target.topics[EVENTS_DEAD], target.topics.partitions)
    return Summary(
        into=f"{target.topics.prefix}{name}.",
        records=sum(counts.get(what, 0) for what in ("events", "erased", "outside")),
        events=events,
        erased=counts.get("erased", 0),
        outside=counts.get("outside", 0),
        slates=slates,
        learned=checkpoint.learned,
        dead_letters=sum(end for _, end in letters.values()),
        seconds=round(seconds, 3),
        events_per_s=round((events - before) / seconds, 1) if seconds else 0.0,
        digest=digest,
    )


async def digest_of(logs: Logs, topics: Topics) -> tuple[int, str]:
    """Count the slates, and hash them without `decided_at`: equal slates, equal hash, whenever they were made."""
    bounds = await logs.bounds(topics[SLATES], topics.partitions)
    hashes = {partition: hashlib.sha256() for partition in bounds}
    count = 0

    def take(partition: int, records: Sequence[LogRecord]) -> None:
        nonlocal count
        count += len(records)
        for record in records:
            hashes[partition].update(_DECIDED.sub(b"", record.value or b""))

    await logs.read(topics[SLATES], bounds, take)
    whole = hashlib.sha256(b"".join(hashes[partition].digest() for partition in sorted(hashes)))
    return count, whole.hexdigest()
