"""A visitor's newest records, read: events, slates by shelf, evidence and state."""

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from models.session import Visitor, applied_of, decode_visitor
from schemas.errors import DecodeError
from schemas.events import Event
from schemas.slates import Evidence, Slate, of_campaign
from streams.console.roster import Active, Raw
from streams.deciding import event_of
from streams.flow import LogRecord
from streams.past.again import state_of


class Happened(NamedTuple):
    """An event where it stands."""

    offset: int
    arrived_ms: int
    event: Event


class Shelf(NamedTuple):
    """The newest slate of a placement, all revisions of it that were read, and when the last was written."""

    revisions: tuple[Slate, ...]
    written_ms: int

    @property
    def slate(self) -> Slate:
        """Give the newest revision."""
        return self.revisions[-1]


class Recent:
    """What is known of a visitor from their newest records; what this build cannot read is left out.

    Args:
        active: the visitor with their records.
    """

    def __init__(self, active: Active) -> None:
        self.visitor_id = active.visitor_id
        self.events = tuple(_events(active.events))
        self.evidence = tuple(_decoded(Evidence, active.evidence))
        self.shelves = _shelves(active.slates)
        self._state = active.state

    def event_at(self, offset: int) -> Happened | None:
        """Give the event at an offset of the visitor's partition, where it was read."""
        return next((one for one in self.events if one.offset == offset), None)

    def evidence_of(self, slate: Slate) -> Evidence | None:
        """Give the evidence of the very decision that was written."""
        own = (one for one in self.evidence if one.slate_id == slate.slate_id)
        return next((one for one in own if one.decided_at == slate.decided_at), None)

    def state(self) -> Visitor | None:
        """Give the newest state there is, from the changelog or from evidence; None where nothing is kept."""
        found = [] if self._state is None else [self._state.value]
        found += [orjson.dumps(one.state) for one in self.evidence[-4:] if one.state is not None]
        try:
            return decode_visitor(max(found, key=applied_of)) if found else None
        except DecodeError:
            return None

    def state_for(self, slate: Slate) -> Visitor | None:
        """Give the state a slate was decided from, where there is evidence of it."""
        evidence = self.evidence_of(slate)
        return None if evidence is None else state_of(evidence)


def _events(records: Iterable[Raw]) -> Iterable[Happened]:
    for raw in records:
        try:
            event = event_of(LogRecord(raw.partition, raw.offset, raw.at_ms, None, raw.value, tuple(raw.headers)))
        except DecodeError:
            continue
        yield Happened(raw.offset, raw.at_ms, event)


def _decoded(kind: type[Evidence], records: Iterable[Raw]) -> Iterable[Evidence]:
    for raw in records:
        try:
            yield kind.decode(raw.value)
        except DecodeError:
            continue


def _shelves(records: Iterable[Raw]) -> dict[str, Shelf]:
    """Give the newest slate by placement, by (cause epoch, cause offset, revision); campaigns answer no event."""
    found: dict[str, Shelf] = {}
    for raw in records:
        try:
            slate = Slate.decode(raw.value)
        except DecodeError:
            continue
        if of_campaign(slate.slate_id):
            continue
        known = found.get(slate.placement)
        order = (slate.cause.epoch, slate.cause.offset)
        if known is None or order > (known.slate.cause.epoch, known.slate.cause.offset):
            found[slate.placement] = Shelf((slate,), raw.at_ms)
        elif known.slate.slate_id == slate.slate_id:
            revisions = {one.revision: one for one in (*known.revisions, slate)}
            found[slate.placement] = Shelf(tuple(revisions[n] for n in sorted(revisions)), raw.at_ms)
    return found
