"""Visitors as they stand: their newest states, as a worker that starts now would restore them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from models.campaign import standing
from models.session import SessionRules, decode_visitor, ended
from schemas.events import Event
from schemas.record import epoch_ms
from schemas.slates import Cause
from schemas.topics import CHANGELOG, ERASURES, EVENTS
from streams.clicks import stored
from streams.deciding import Occasion
from streams.flow import LogRecord
from streams.kafka import partition_of
from streams.partitions import WATERMARK_KEY, PartitionState, Restore
from streams.replay.replaying import Installation, counting


class Person(NamedTuple):
    """A visitor who gets slates: their partition and its epoch, and the state as encoded, which is the smaller form."""

    visitor_id: str
    partition: int
    epoch: int
    state: bytes

    def occasion(self, campaign: str, at: datetime, rules: SessionRules) -> Occasion:
        """Stand in for an event: nothing has happened but that a campaign looks at the visitor as they stand.

        The cause is the last event that was applied; of a state from before the topic was created anew none is known.
        """
        visitor, event_id = decode_visitor(self.state), f"campaign:{campaign}"
        cause = Cause(
            topic=EVENTS,
            partition=self.partition,
            offset=max(0, visitor.applied),
            epoch=self.epoch,
            event_id=event_id,
        )
        event = Event(event_id=event_id, name="page_view", visitor_id=self.visitor_id, at=at, consent="personalisation")
        at_ms = max(epoch_ms(at), visitor.clock_ms)
        return Occasion(event, standing(self.visitor_id, visitor, at_ms, rules), cause)


@dataclass
class People:
    """Who was asked for.

    Args:
        found: those who have a state, in the order they were asked for.
        unknown: how many have none: never seen, or without consent.
        forgotten: how many asked to be forgotten, and were not seen since.
        expired: how many were not seen for so long that the next event would start anew.
    """

    found: list[Person] = field(default_factory=list)
    unknown: int = 0
    forgotten: int = 0
    expired: int = 0


async def read_people(site: Installation, wanted: Sequence[str], *, at: datetime, rules: SessionRules) -> People:
    """Read visitors' states from the changelog as it stands now; whoever has a state gave consent.

    Args:
        site: the installation.
        wanted: visitor ids.
        at: now.
        rules: constants.

    Raises:
        RefusedError: another build wrote the states.
    """
    await _hear_erasures(site)
    parts = await _parts(site, wanted)
    people, at_ms = People(), epoch_ms(at)
    for visitor_id in wanted:
        key = visitor_id.encode()
        part = parts[partition_of(key, site.topics.partitions)]
        visitor = stored(part, key)
        user_id, clock_ms = (None, 0) if visitor is None else (visitor.user_id, visitor.clock_ms)
        if site.erased.covers_ids(visitor_id, user_id, arrived_ms=clock_ms):
            people.forgotten += 1
        elif visitor is None:
            people.unknown += 1
        elif ended(clock_ms, at_ms, rules):
            people.expired += 1
        else:
            people.found.append(Person(visitor_id, part.partition, part.epoch, part.visitors[key]))
    return people


async def _hear_erasures(site: Installation) -> None:
    """Take who asked to be forgotten since the installation was reached."""

    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        for record in records:
            site.erased.apply(record)

    await site.logs.read(site.topics[ERASURES], await site.logs.bounds(site.topics[ERASURES], 1), take)


async def _parts(site: Installation, wanted: Sequence[str]) -> dict[int, PartitionState]:
    """Restore the wanted visitors of each partition, and nobody else: a file may name few of a million."""
    keys: defaultdict[int, set[bytes]] = defaultdict(set)
    for visitor_id in wanted:
        key = visitor_id.encode()
        keys[partition_of(key, site.topics.partitions)] |= {key, WATERMARK_KEY}
    restores = {partition: Restore(partition) for partition in keys}
    name = site.topics[CHANGELOG]
    bounds = await site.logs.bounds(name, site.topics.partitions)
    spans = {partition: bounds[partition] for partition in keys}
    told = counting(site.watch, "visitors", sum(end - start for start, end in spans.values()))

    def take(partition: int, records: Sequence[LogRecord]) -> None:
        restores[partition].changelog(record for record in records if record.key in keys[partition])
        told(len(records))

    await site.logs.read(name, spans, take)
    return {partition: restore.finish() for partition, restore in restores.items()}
