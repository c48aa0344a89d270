"""Find a slate with its event, evidence and the visitor's state in one partition's logs."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from models.session import SessionRules, Visitor
from schemas.errors import DecodeError, RefusedError
from schemas.record import epoch_ms, nearest_time, rfc3339
from schemas.slates import Evidence, Slate, of_campaign
from schemas.topics import CHANGELOG, EVENTS, EVENTS_DEAD, EVIDENCE, SLATES
from streams.deciding import event_of
from streams.erased import read_erased
from streams.flow import LogRecord
from streams.generations import has_grown
from streams.kafka import partition_of
from streams.past.again import state_of
from streams.past.case import NEVER_MS
from streams.past.logs import Logs, plain_of
from streams.past.visitors import Seeds, Visitors, skips
from streams.settings import Settings

SLATE_ID = re.compile(r"s-(\d{1,9})-(?:(\d{1,9})\.)?(\d{1,18})-([^\x00-\x1f\x7f]{1,64})-[0-9a-f]{4}")


MARGIN_MS = 60_000
"""Clocks of brokers and workers differ: what follows from an event may bear a time before its own."""


class Wanted(NamedTuple):
    """Which slate: by its id, or the visitor's newest at a time (ms since 1970), perhaps of one placement.

    And which revision of it, the newest where that is not said.
    """

    slate_id: str | None = None
    visitor_id: str | None = None
    at_ms: int = 0
    placement: str | None = None
    revision: int | None = None

    def partition(self, partitions: int) -> int:
        """Say where it lies.

        Raises:
            RefusedError: that is no slate's id.
        """
        if self.slate_id is None:
            return partition_of((self.visitor_id or "").encode(), partitions)
        if of_campaign(self.slate_id):
            raise RefusedError(f"{self.slate_id} is a campaign's slate: it answers no event that could explain it.")
        match = SLATE_ID.fullmatch(self.slate_id)
        if match is None or int(match[1]) >= partitions:
            raise RefusedError(
                f"{self.slate_id!r} is not the id of a slate of this installation, such as s-3-1044-product-0685."
            )
        return int(match[1])


class Scene(NamedTuple):
    """A slate's bytes and record, its event's record, and what is known of the visitor.

    `state_from` says where the state is from; `missing` are sentences about what is not there; `revisions` are all that
    are kept of the slate, in order.
    """

    data: bytes
    slate: Slate
    record: LogRecord
    evidence: Evidence | None
    visitor: Visitor | None
    state_from: str
    missing: tuple[str, ...]
    revisions: tuple[Slate, ...] = ()


async def find(settings: Settings, client: Mapping[str, Any], wanted: Wanted, rules: SessionRules) -> Scene:
    """Find a slate.

    Raises:
        RefusedError: it, or its event, is not kept; or the visitor asked to be forgotten.
    """
    partition = wanted.partition(settings.partitions)
    names = [settings.topics[name] for name in (EVENTS, SLATES, EVIDENCE, CHANGELOG, EVENTS_DEAD)]
    erased = await read_erased(client, settings.topics)
    async with Logs(client, [(name, partition) for name in names]) as logs:
        search = _Search(settings, logs, partition, rules, grown=await has_grown(client, settings.topics))
        slate, data, revisions = await search.slate(wanted)
        record = await search.event(slate)
        event = event_of(record)
        if erased.covers_ids(event.visitor_id, event.user_id, arrived_ms=record.timestamp_ms):
            raise RefusedError(f"The visitor of slate {slate.slate_id} asked to be forgotten: it is not explained.")
        evidence = await search.evidence(slate, record.timestamp_ms)
        visitor, state_from, missing = await search.state(slate, evidence)
        return Scene(data, slate, record, evidence, visitor, state_from, missing, revisions)


class _Search:
    def __init__(self, settings: Settings, logs: Logs, partition: int, rules: SessionRules, *, grown: bool) -> None:
        self._topics, self._logs, self._partition, self._rules = settings.topics, logs, partition, rules
        self._grown = grown

    async def slate(self, wanted: Wanted) -> tuple[Slate, bytes, tuple[Slate, ...]]:
        """Find the slate, by its id or as the visitor's newest, and all its revisions, the first record of each."""
        slate_id = wanted.slate_id or await self._by_visitor(wanted)
        found = {} if slate_id is None else await self._by_id(slate_id)
        if not found:
            raise RefusedError(self._not_found(wanted))
        revision = max(found) if wanted.revision is None else wanted.revision
        if revision not in found:
            there = " and ".join(map(str, sorted(found)))
            raise RefusedError(f"There is no revision {revision} of slate {slate_id}: there is {there}.")
        try:
            revisions = {number: Slate.decode(data) for number, data in sorted(found.items())}
        except DecodeError as error:
            raise RefusedError(f"The slate cannot be read by this build: {error.detail}.") from None
        return revisions[revision], found[revision], tuple(revisions.values())

    async def _by_id(self, slate_id: str) -> dict[int, bytes]:
        match = SLATE_ID.fullmatch(slate_id)
        assert match is not None, "checked before"
        slates, event = self._topics[SLATES], await self._logs.at(self._topics[EVENTS], self._partition, int(match[3]))
        self._logs.seek(slates, self._partition, 0)
        if event is not None:
            await self._logs.seek_time(slates, self._partition, event.timestamp_ms - MARGIN_MS)
        found: dict[int, bytes] = {}
        needle, until_ms = orjson.dumps(slate_id), NEVER_MS
        async for record in self._logs.upto(slates, self._partition):
            if record.timestamp_ms > until_ms:
                break  # a revision comes soon, or not at all
            if record.value and needle in record.value:
                plain = plain_of(record)
                if plain.get("slate_id") == slate_id:
                    found.setdefault(plain.get("revision", 0), record.value)
                    until_ms = min(until_ms, record.timestamp_ms + MARGIN_MS)
        return found

    async def _by_visitor(self, wanted: Wanted) -> str | None:
        needle, found, best = orjson.dumps(wanted.visitor_id), None, (-1, -1)
        async for record in self._logs.upto(self._topics[SLATES], self._partition):
            if needle not in (record.value or b""):
                continue
            plain = plain_of(record)
            mine = plain.get("visitor_id") == wanted.visitor_id and not plain.get("revision")
            mine = mine and not of_campaign(plain["slate_id"])
            if not mine or wanted.placement not in {None, plain["placement"]} or _time_ms(plain) > wanted.at_ms:
                continue
            order = (plain["cause"].get("epoch", 0), plain["cause"]["offset"])
            if order > best:
                best, found = order, plain["slate_id"]
        return found

    def _not_found(self, wanted: Wanted) -> str:
        bounds = self._logs.bounds[self._topics[SLATES], self._partition]
        kept = f"{self._topics[SLATES]}[{self._partition}] keeps offsets {bounds.start} to {bounds.end - 1}"
        if wanted.slate_id is not None:
            return f"There is no slate {wanted.slate_id}: {kept}; older ones are gone with their retention."
        at = rfc3339(nearest_time(wanted.at_ms))
        return (
            f"There is no slate of this visitor at or before {at}: {kept}; check AISLE_PARTITIONS, too (slates of "
            "campaigns answer no event, and are not explained)."
        )

    async def event(self, slate: Slate) -> LogRecord:
        """Give the record of the event that asked for the slate."""
        record = await self._logs.at(self._topics[EVENTS], self._partition, slate.cause.offset)
        try:
            if record is not None and event_of(record).event_id == slate.cause.event_id:
                return record
        except DecodeError:
            pass
        raise RefusedError(
            f"The event of slate {slate.slate_id}, offset {slate.cause.offset} of "
            f"{self._topics[EVENTS]}[{self._partition}], is no longer kept: nothing can be explained without it."
        )

    async def evidence(self, slate: Slate, arrived_ms: int) -> Evidence | None:
        """Give the evidence of the decision that was written."""
        await self._logs.seek_time(self._topics[EVIDENCE], self._partition, arrived_ms - MARGIN_MS)
        needle, undated = orjson.dumps(slate.slate_id), None
        async for record in self._logs.upto(self._topics[EVIDENCE], self._partition):
            if needle not in (record.value or b""):
                continue
            try:
                evidence = Evidence.decode(record.value)
            except DecodeError:
                continue
            if evidence.slate_id == slate.slate_id and evidence.decided_at == slate.decided_at:
                return evidence
            if evidence.slate_id == slate.slate_id and evidence.decided_at is None:
                undated = evidence
        return undated

    async def state(self, slate: Slate, evidence: Evidence | None) -> tuple[Visitor | None, str, tuple[str, ...]]:
        """Give the visitor's state just after the event, where it is from, and what may be wrong with it."""
        if evidence is not None:
            try:
                return state_of(evidence), "evidence", ()
            except DecodeError:
                why = "The evidence was written by another build: the state is rebuilt from events."
        else:
            why = "There is no evidence of this slate: the state is rebuilt, and the index is searched exactly."
        visitor, sure = await self._rebuilt(slate)
        unsure = "Older events of this visitor may be gone: the state rebuilt without them may differ."
        return visitor, "events", (why,) if sure else (why, unsure)

    async def _rebuilt(self, slate: Slate) -> tuple[Visitor | None, bool]:
        events, epoch = self._topics[EVENTS], slate.cause.epoch
        start = self._logs.bounds[events, self._partition].start
        whole, seeds = start == 0 and epoch == 0 and not self._grown, Seeds()
        if not whole:
            async for record in self._logs.upto(self._topics[CHANGELOG], self._partition):
                seeds.take(record, epoch=epoch, start=start)
        letters = [record async for record in self._logs.upto(self._topics[EVENTS_DEAD], self._partition)]
        visitors = Visitors(
            self._partition, self._rules, epoch=epoch, whole=whole, seeds=seeds, skipped=skips(letters),
            wanted={slate.visitor_id},
        )  # fmt: skip
        self._logs.seek(events, self._partition, start)  # `at` left it behind the event
        rebuilt = None
        async for record in self._logs.upto(events, self._partition, slate.cause.offset):
            rebuilt = visitors.apply(record)
        if rebuilt is None:
            return None, False
        return rebuilt.applied.visitor if rebuilt.applied.context.consent else None, rebuilt.sure


def _time_ms(plain: dict[str, Any]) -> int:
    return epoch_ms(datetime.fromisoformat(plain["event_at"]))
