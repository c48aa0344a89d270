"""From an event and its visitor to slates: one function for the worker, and for whoever proves or explains its past."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson

from models.features import Candidates
from models.knowledge import Knowledge
from models.placements import PLACEMENTS, Placement
from models.session import Context, SessionRules
from models.slate import Decision, Request, SlateRules, decide
from schemas.events import ORIGIN_HEADER, Event, decode_event
from schemas.slates import Cause, SlateHead, encode_slate, slate_id
from schemas.topics import EVENTS
from streams.flow import LogRecord
from streams.requeued import letter_of

UNLIMITED = 1 << 31


@dataclass(frozen=True)
class ClicksRules:
    """Constants of the clicks agent; those that decide slates are part of the settings hash that every slate carries.

    `training_share` and `evidence_share` are the shares of events with a training row and of slates with evidence;
    `training_per_s` caps the rows of one worker.
    """

    session: SessionRules = field(default_factory=SessionRules)
    slates: SlateRules = field(default_factory=SlateRules)
    placements: tuple[Placement, ...] = PLACEMENTS
    training_share: float = 1.0
    training_per_s: int = 200
    evidence_share: float = 0.01


class Occasion(NamedTuple):
    """What slates are decided for: an event, its visitor just after it, and where the event stands."""

    event: Event
    context: Context
    cause: Cause


class Decided(NamedTuple):
    """A slate before it is written."""

    request: Request
    head: SlateHead
    decision: Decision

    def encode(self, *, lineage: orjson.Fragment, cause: orjson.Fragment) -> bytes:
        """Write the slate; lineage and cause as JSON."""
        return encode_slate(self.head, self.decision.items, lineage=lineage, cause=cause)


def decided(
    occasion: Occasion,
    placement: Placement,
    candidates: Candidates,
    knowledge: Knowledge,
    rules: SlateRules,
    *,
    decided_at: datetime,
) -> Decided:
    """Decide an occasion's slate for one placement; `decided_at` is written down and decides nothing."""
    request = request_of(occasion, placement)
    decision = decide(request, candidates, knowledge, rules)
    event = occasion.event
    head = SlateHead(
        slate_id=request.slate_id,
        visitor_id=event.visitor_id,
        placement=placement.name,
        anchor=placement.anchor_name(event, occasion.context.cart),
        view_id=event.page.view_id if event.page else None,
        explored=decision.explored,
        event_at=event.at,
        decided_at=decided_at,
        expires_at=event.at + timedelta(seconds=rules.expires_s),
    )
    return Decided(request, head, decision)


def request_of(occasion: Occasion, placement: Placement) -> Request:
    """Say what a placement asks for on an occasion."""
    event, context, cause = occasion
    name = slate_id(
        topic=EVENTS,
        partition=cause.partition,
        offset=cause.offset,
        placement=placement.name,
        epoch=cause.epoch,
    )
    return Request(
        slate_id=name,
        placement=placement,
        context=context,
        anchors=placement.anchors(event, context.cart),
        at=event.at,
    )


def due(event: Event, placements: Sequence[Placement]) -> Iterator[Placement]:
    """Give the placements that an event asks for a slate of."""
    return (placement for placement in placements if placement.triggered_by(event))


def origin_of(record: LogRecord) -> str | None:
    """Say where an event's record comes from: `import`, `replay`, or None for live traffic."""
    value = dict(record.headers).get(ORIGIN_HEADER)
    return None if value is None else value.decode(errors="replace")


def arrival_of(record: LogRecord) -> int:
    """Say when an event came in, milliseconds since 1970; of a dead letter sent again, when it did the first time."""
    letter = letter_of(record.headers) if record.headers else None
    return record.timestamp_ms if letter is None else letter.arrived_ms


def event_of(record: LogRecord) -> Event:
    """Read an event.

    Raises:
        DecodeError: it is to become a dead letter.
    """
    return decode_event(record.value, arrival_ms=arrival_of(record), origin=origin_of(record))


def imported(rules: SessionRules) -> SessionRules:
    """Give the rules for history: it comes in bursts that no visitor made, such as all lines of an invoice at once."""
    return replace(rules, slates_per_minute=UNLIMITED)
