"""One partition's slates, evidence and events side by side: states are compared, what slates follow from is kept."""

from collections import defaultdict
from typing import Any, NamedTuple

import orjson

from models.session import decode_visitor, encode
from models.training import sampled
from schemas.errors import DecodeError
from schemas.record import epoch_ms
from schemas.slates import Evidence, Slate, of_campaign
from schemas.topics import CHANGELOG, EVENTS, EVENTS_DEAD, EVIDENCE, SLATES
from streams.bootstrap import names_of
from streams.erased import Erased
from streams.flow import LogRecord
from streams.past.case import Case, Task
from streams.past.differences import first_difference
from streams.past.logs import Logs, plain_of
from streams.past.positions import positions_of
from streams.past.spool import Kept
from streams.past.visitors import Rebuilt, Seeds, Visitors, skips


class _Entry(NamedTuple):
    """A slate in its partition: which it is, what it answers, whose it is, and where its bytes lie."""

    slate_id: str
    revision: int
    visitor_id: str
    event_id: str
    event_ms: int
    epoch: int
    kept: Kept


class Partition:
    """One partition's slates, evidence and events, side by side.

    Args:
        case: gets the states compared, and the slates to be decided again.
        partition: its number.
        erased: who asked to be forgotten.
    """

    def __init__(self, case: Case, partition: int, erased: Erased) -> None:
        self._case, self._partition, self._erased = case, partition, erased
        self._report, self._spool = case.report, case.spool
        self._own = names_of(case.settings)
        topics = case.settings.topics
        self._names = {name: topics[name] for name in (EVENTS, SLATES, EVIDENCE, CHANGELOG, EVENTS_DEAD)}
        self._slates: defaultdict[int, list[_Entry]] = defaultdict(list)
        self._evidence: defaultdict[str, list[Kept]] = defaultdict(list)

    async def gather(self) -> None:
        """Put aside what slates are decided from, and rebuild states meanwhile."""
        async with Logs(self._case.client, [(name, self._partition) for name in self._names.values()]) as logs:
            self._logs = logs
            await self._read_slates()
            await self._read_evidence()
            await self._read_events()
        selection = self._case.selection
        for entry in (one for some in self._slates.values() for one in some):
            if selection.since_ms <= entry.event_ms < selection.until_ms:
                self._report.missing["event"] += 1

    async def _read_slates(self) -> None:
        seen: set[tuple[str, int]] = set()
        async for record in self._logs.upto(self._names[SLATES], self._partition):
            try:
                slate = Slate.decode(record.value)
            except DecodeError:
                self._report.missing["slate of another build"] += 1
                continue
            if of_campaign(slate.slate_id):
                self._report.campaigns += 1
                continue
            if not sampled(slate.slate_id, self._case.selection.share):
                continue
            name = slate.slate_id, slate.revision
            if name in seen:
                self._report.repeats += 1
                continue
            seen.add(name)
            cause, kept = slate.cause, self._spool.put(record.value or b"")
            entry = _Entry(*name, slate.visitor_id, cause.event_id, epoch_ms(slate.event_at), cause.epoch, kept)
            self._slates[cause.offset].append(entry)

    async def _read_evidence(self) -> None:
        wanted = {entry.slate_id for entries in self._slates.values() for entry in entries}
        async for record in self._logs.upto(self._names[EVIDENCE], self._partition):
            if (slate_id := plain_of(record).get("slate_id")) in wanted:
                self._evidence[slate_id].append(self._spool.put(record.value or b""))

    async def _read_events(self) -> None:
        visitors = await self._visitors()
        name, selection = self._names[EVENTS], self._case.selection
        bounds = self._logs.bounds[name, self._partition]
        self._case.stage(f"partition {self._partition}", bounds.end - bounds.start)
        async for record in self._logs.upto(name, self._partition):
            self._case.moved(1)
            rebuilt = visitors.apply(record)
            entries = self._slates.pop(record.offset, [])
            if selection.since_ms <= record.timestamp_ms < selection.until_ms:
                for entry in entries:
                    self._one(entry, record, rebuilt)

    async def _visitors(self) -> Visitors:
        entries = [entry for some in self._slates.values() for entry in some]
        epoch = max((entry.epoch for entry in entries), default=0)
        start = self._logs.bounds[self._names[EVENTS], self._partition].start
        whole = start == 0 and epoch == 0 and not self._case.grown
        seeds = Seeds()
        if not whole:
            async for record in self._logs.upto(self._names[CHANGELOG], self._partition):
                seeds.take(record, epoch=epoch, start=start)
        letters = [record async for record in self._logs.upto(self._names[EVENTS_DEAD], self._partition)]
        return Visitors(
            self._partition,
            self._case.rules.session,
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
        if (other := self._other(slate)) is not None:
            self._report.other[other] += 1
            return
        try:
            found = self._evidence_of(slate)
        except DecodeError:
            missing["evidence of another build"] += 1
            return
        if found is None:
            missing["evidence"] += 1
            return
        evidence, kept = found
        if not slate.revision:  # a revision is decided from the same state
            self._state(slate.slate_id, evidence, rebuilt)
        task = Task(
            record.timestamp_ms,
            slate.slate_id,
            slate.revision,
            positions_of(slate.lineage),
            entry.kept,
            kept,
            self._spool.put_record(record),
        )
        self._case.tasks.append(task)

    def _other(self, slate: Slate) -> str | None:
        """Say what of a slate's names is another than ours: its constants or its code."""
        settings_hash, build = self._own
        if slate.lineage.build != build:
            return "build"
        if (slate.lineage.generation or "") != self._case.settings.generation:
            return "generation"
        return "settings" if slate.lineage.settings != settings_hash else None

    def _evidence_of(self, slate: Slate) -> tuple[Evidence, Kept] | None:
        """Choose the evidence of the decision that was written.

        A worker that died may have left another one's, and each revision has its own.
        """
        for kept in reversed(self._evidence.get(slate.slate_id, [])):
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
