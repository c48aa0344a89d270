"""Prove the past: every slate with evidence is decided again, and the visitor's state behind it is rebuilt.

Two steps. Partition by partition, events are applied again and each state is held against its evidence; what a slate
is decided from is put aside on disk. Then the slates, sorted by their place in the logs of the world, are decided again
while one world at a time goes through those logs.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from models.session import decode_visitor, encode
from models.training import sampled
from schemas.errors import DecodeError
from schemas.events import ORIGIN_HEADER
from schemas.slates import Evidence, Slate
from schemas.topics import CHANGELOG, EVENTS, EVENTS_DEAD, EVIDENCE, SLATES
from streams.bootstrap import clicks_rules
from streams.deciding import ClicksRules, event_of
from streams.erased import Erased, read_erased
from streams.flow import LogRecord
from streams.past.again import Recorded, answers_of, context_after, decide_again, state_of, written
from streams.past.differences import Difference, first_difference
from streams.past.logs import Logs, plain_of
from streams.past.positions import Positions, chains, positions_of
from streams.past.report import Report, undated
from streams.past.spool import Kept, Spool
from streams.past.visitors import Rebuilt, Seeds, Visitors, skips
from streams.past.worlds import Inputs
from streams.runs.display import Watch
from streams.settings import Settings
from streams.snapshots import open_store
from streams.world import World

NEVER_MS = 1 << 62


@dataclass(frozen=True)
class Selection:
    """Which slates: by their event's arrival, by partition, the oldest so many, a share 0..1 by hash of the id."""

    since_ms: int = 0
    until_ms: int = NEVER_MS
    partitions: Sequence[int] | None = None
    limit: int | None = None
    share: float = 1.0


class _Entry(NamedTuple):
    """A slate in its partition: where its bytes lie, and its visitor."""

    slate_id: str
    visitor_id: str
    event_id: str
    epoch: int
    kept: Kept


class _Task(NamedTuple):
    """A slate that can be decided again: its event's arrival, its place in the world's logs, and its bytes."""

    arrived_ms: int
    slate_id: str
    at: Positions
    slate: Kept
    evidence: Kept
    event: Kept


class Quiet:
    """A watch that looks away."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""

    def reached(self, done: int) -> None:
        """Go on."""


async def verify_past(
    settings: Settings,
    client: Mapping[str, Any],
    selection: Selection,
    *,
    watch: Watch | None = None,
    rules: ClicksRules | None = None,
) -> Report:
    """Decide the selected slates again.

    Args:
        settings: the installation's, as its workers have them.
        client: keyword arguments that every aiokafka client takes.
        selection: which slates.
        watch: told how far it is.
        rules: constants to decide by; those of the settings where absent.
    """
    with Spool() as spool:
        proof = _Proof(settings, client, selection, spool, watch or Quiet(), rules or clicks_rules(settings))
        await proof.gather()
        await proof.decide()
        return proof.report


@dataclass
class _Proof:
    settings: Settings
    client: Mapping[str, Any]
    selection: Selection
    spool: Spool
    watch: Watch
    rules: ClicksRules
    report: Report = field(default_factory=Report)
    tasks: list[_Task] = field(default_factory=list)
    done: int = 0

    async def gather(self) -> None:
        """Read the partitions one after the other."""
        erased = await read_erased(self.client, self.settings.topics)
        partitions = self.selection.partitions
        for partition in range(self.settings.partitions) if partitions is None else partitions:
            await _Partition(self, partition, erased).gather()
        self.tasks.sort()
        if self.selection.limit is not None:
            del self.tasks[self.selection.limit :]

    def moved(self, steps: int) -> None:
        """Move the bar on."""
        self.done += steps
        self.watch.reached(self.done)

    async def decide(self) -> None:
        """Take a world through the logs once per chain of slates."""
        async with Inputs(self.settings, self.client, open_store(self.settings)) as inputs:
            at: defaultdict[Positions, list[_Task]] = defaultdict(list)
            for task in self.tasks:
                if (log := inputs.missing(task.at)) is None:
                    at[task.at].append(task)
                else:
                    self.report.missing[log] += 1  # type: ignore[index]
            found = chains(at)
            self.report.passes = len(found)
            total = sum(offset + 1 for chain in found for _, offset in chain[-1].at)
            self.done = 0
            self.watch.stage("deciding", total + sum(map(len, at.values())))
            for chain in found:
                past = await inputs.world(chain[0])
                for place in chain:
                    world = await past.to(place, moved=self.moved)
                    for task in at[place]:
                        self._decide(task, world)
                    self.moved(len(at[place]))

    def _decide(self, task: _Task, world: World) -> None:
        data = self.spool.get(task.slate)
        slate, evidence = Slate.decode(data), Evidence.decode(self.spool.get(task.evidence))
        own = world.lineage()
        for name in ("settings", "build"):
            if getattr(own, name) != getattr(slate.lineage, name):
                self.report.other[name] += 1
                return
        try:
            event = event_of(_unpacked(self.spool.get(task.event)))
            context = context_after(state_of(evidence), event, self.rules.session)
        except DecodeError:
            self.report.missing["evidence of another build"] += 1
            return
        answers = answers_of(evidence, world.knowledge)
        again = written(
            slate, decide_again(Recorded(slate, event, context, answers), world.knowledge, self.rules).decided
        )
        self.report.slate(slate.slate_id, undated(again), difference(data, again))


def difference(recorded: bytes, again: bytes) -> Difference | None:
    """Compare two slates byte for byte but for the time of deciding, which `again` has taken over."""
    if recorded == again:
        return None
    return first_difference(orjson.loads(recorded), orjson.loads(again)) or Difference("", "bytes", "other bytes")


class _Partition:
    """One partition's slates, evidence and events, side by side."""

    def __init__(self, proof: _Proof, partition: int, erased: Erased) -> None:
        self._proof, self._partition, self._erased = proof, partition, erased
        self._report, self._spool = proof.report, proof.spool
        topics = proof.settings.topics
        self._names = {name: topics[name] for name in (EVENTS, SLATES, EVIDENCE, CHANGELOG, EVENTS_DEAD)}
        self._slates: defaultdict[int, list[_Entry]] = defaultdict(list)
        self._evidence: defaultdict[str, list[Kept]] = defaultdict(list)

    async def gather(self) -> None:
        """Put aside what slates are decided from, and rebuild states meanwhile."""
        async with Logs(self._proof.client, [(name, self._partition) for name in self._names.values()]) as logs:
            self._logs = logs
            await self._read_slates()
            await self._read_evidence()
            await self._read_events()
        left = sum(map(len, self._slates.values()))
        if left:
            self._report.missing["event"] += left

    async def _read_slates(self) -> None:
        seen: set[str] = set()
        async for record in self._logs.upto(self._names[SLATES], self._partition):
            try:
                slate = Slate.decode(record.value)
            except DecodeError:
                self._report.missing["slate of another build"] += 1
                continue
            if slate.revision > 0 or not sampled(slate.slate_id, self._proof.selection.share):
                continue
            if slate.slate_id in seen:
                self._report.repeats += 1
                continue
            seen.add(slate.slate_id)
            cause, kept = slate.cause, self._spool.put(record.value or b"")
            entry = _Entry(slate.slate_id, slate.visitor_id, cause.event_id, cause.epoch, kept)
            self._slates[cause.offset].append(entry)

    async def _read_evidence(self) -> None:
        wanted = {entry.slate_id for entries in self._slates.values() for entry in entries}
        async for record in self._logs.upto(self._names[EVIDENCE], self._partition):
            if (slate_id := plain_of(record).get("slate_id")) in wanted:
                self._evidence[slate_id].append(self._spool.put(record.value or b""))

    async def _read_events(self) -> None:
        visitors = await self._visitors()
        name, selection = self._names[EVENTS], self._proof.selection
        bounds = self._logs.bounds[name, self._partition]
        self._proof.done = 0
        self._proof.watch.stage(f"partition {self._partition}", bounds.end - bounds.start)
        async for record in self._logs.upto(name, self._partition):
            self._proof.moved(1)
            rebuilt = visitors.apply(record)
            entries = self._slates.pop(record.offset, [])
            if selection.since_ms <= record.timestamp_ms < selection.until_ms:
                for entry in entries:
                    self._one(entry, record, rebuilt)

    async def _visitors(self) -> Visitors:
        entries = [entry for some in self._slates.values() for entry in some]
        epoch = max((entry.epoch for entry in entries), default=0)
        start = self._logs.bounds[self._names[EVENTS], self._partition].start
        whole = start == 0 and epoch == 0
        seeds = Seeds()
        if not whole:
            async for record in self._logs.upto(self._names[CHANGELOG], self._partition):
                seeds.take(record, epoch=epoch, start=start)
        letters = [record async for record in self._logs.upto(self._names[EVENTS_DEAD], self._partition)]
        return Visitors(
            self._partition,
            self._proof.rules.session,
            epoch=epoch,
            whole=whole,
            seeds=seeds,
            skipped=skips(letters),
            wanted={entry.visitor_id for entry in entries},
        )

    def _one(self, entry: _Entry, record: LogRecord, rebuilt: Rebuilt | None) -> None:
        missing = self._report.missing
        if rebuilt is None or rebuilt.event.event_id != entry.event_id:
            missing["event"] += 1  # another topic's, of the same name
            return
        event = rebuilt.event
        if self._erased.covers_ids(event.visitor_id, event.user_id, arrived_ms=record.timestamp_ms):
            missing["forgotten"] += 1
            return
        data = self._spool.get(entry.kept)
        slate = Slate.decode(data)
        try:
            found = self._evidence_of(slate)
        except DecodeError:
            missing["evidence of another build"] += 1
            return
        if found is None:
            missing["evidence"] += 1
            return
        evidence, kept = found
        self._state(slate.slate_id, evidence, rebuilt)
        task = _Task(
            record.timestamp_ms,
            slate.slate_id,
            positions_of(slate.lineage),
            entry.kept,
            kept,
            self._spool.put(_packed(record)),
        )
        self._proof.tasks.append(task)

    def _evidence_of(self, slate: Slate) -> tuple[Evidence, Kept] | None:
        """Choose the evidence of the decision that was written: a worker that died may have left another one's."""
        for kept in reversed(self._evidence.pop(slate.slate_id, [])):
            evidence = Evidence.decode(self._spool.get(kept))
            if evidence.decided_at in {None, slate.decided_at}:
                return evidence, kept
        return None

    def _state(self, slate_id: str, evidence: Evidence, rebuilt: Rebuilt) -> None:
        visitor = rebuilt.applied.visitor if rebuilt.applied.context.consent else None
        state = None if visitor is None else orjson.loads(encode(visitor))
        if state is None and evidence.state is None:
            self._report.states_none += 1
            return
        first = first_difference(evidence.state, state)
        if first is not None and not rebuilt.sure and _older(evidence, state):
            self._report.states_missing += 1
            return
        self._report.state(slate_id, first)


def _older(evidence: Evidence, state: dict[str, Any] | None) -> bool:
    """Say whether a visitor was known before the first event that is kept of them."""
    if evidence.state is None or state is None:
        return False
    try:
        known = decode_visitor(orjson.dumps(evidence.state)).profile.first_ms
    except DecodeError:
        return True
    return known != decode_visitor(orjson.dumps(state)).profile.first_ms


def _packed(record: LogRecord) -> bytes:
    origin = next((value for name, value in record.headers if name == ORIGIN_HEADER), None)
    head = b"%d %d %d %d\n" % (
        record.partition,
        record.offset,
        record.timestamp_ms,
        -1 if origin is None else len(origin),
    )
    return head + (origin or b"") + (record.value or b"")


def _unpacked(data: bytes) -> LogRecord:
    head, _, body = data.partition(b"\n")
    partition, offset, timestamp_ms, size = map(int, head.split())
    headers = () if size < 0 else ((ORIGIN_HEADER, body[:size]),)
    return LogRecord(partition, offset, timestamp_ms, None, body[max(0, size) :], headers)
