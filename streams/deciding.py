"""From an event and its visitor to slates: one function for the worker, and for whoever proves or explains its past."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import numpy as np
import orjson

from models.features import Candidates
from models.judgements import Judged, JudgingRules
from models.knowledge import Knowledge
from models.placements import PLACEMENTS, Placement
from models.ranked import NONE, Ranked
from models.retrieval import Retrieved
from models.session import Context, SessionRules
from models.slate import Decision, Request, SlateRules, decide
from schemas.events import ORIGIN_HEADER, Event, decode_event
from schemas.slates import Cause, JudgedBy, SlateHead, campaign_slate_id, encode_slate, slate_id
from schemas.topics import EVENTS
from streams.flow import LogRecord
from streams.requeued import letter_of

UNLIMITED = 1 << 31

CAMPAIGN_EXPIRES_S = 86_400
"""A campaign's slate is stale this long after it was decided: its log keeps it for a day, too."""


@dataclass(frozen=True)
class ClicksRules:
    """Constants of the clicks agent; those that decide slates are part of the settings hash that every slate carries.

    `training_share` and `evidence_share` are the shares of events with a training row and of slates with evidence;
    `training_per_s` caps the rows of one worker. Slates of `judged_placements` that judgements do not cover are asked
    about, and wait `deadline_ms` for their revision; none is while `asks` is False.
    """

    session: SessionRules = field(default_factory=SessionRules)
    slates: SlateRules = field(default_factory=SlateRules)
    placements: tuple[Placement, ...] = PLACEMENTS
    judging: JudgingRules = field(default_factory=JudgingRules)
    asks: bool = False
    judged_placements: frozenset[str] = frozenset({"home"})
    deadline_ms: int = 800
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
    revision: int = 0,
    campaign: str = "",
) -> Decided:
    """Decide an occasion's slate for one placement; `decided_at` and `revision` are written down and decide nothing.

    A `campaign` gives the slate its id and anchor, and a day from when it is decided until it expires.
    """
    request = request_of(occasion, placement, campaign=campaign)
    decision = decide(request, candidates, knowledge, rules)
    event = occasion.event
    since, expires_s = (decided_at, CAMPAIGN_EXPIRES_S) if campaign else (event.at, rules.expires_s)
    head = SlateHead(
        slate_id=request.slate_id,
        visitor_id=event.visitor_id,
        placement=placement.name,
        anchor=campaign or placement.anchor_name(event, occasion.context.cart),
        view_id=event.page.view_id if event.page else None,
        explored=decision.explored,
        event_at=event.at,
        decided_at=decided_at,
        expires_at=since + timedelta(seconds=expires_s),
        judged=judged_by(candidates.judged, covered=covered(candidates.judged, knowledge)),
        revision=revision,
    )
    return Decided(request, head, decision)


def covered(judged: Judged, knowledge: Knowledge) -> bool:
    """Say whether any key's judgements cover the candidates of an event."""
    return any(knowledge.judgements.covered(judged, place) for place in range(len(judged.keys)))


def judged_by(judged: Judged, *, covered: bool) -> JudgedBy | None:
    """Write down what candidates were judged by; None where there is nothing to judge by."""
    if not judged.keys:
        return None
    segment, intent = judged.keys[0]
    by: Literal["fine", "coarse", "none"] = "none"
    if judged.used >= 0:
        by = "coarse" if judged.keys[judged.used].coarse else "fine"
    hits = judged.hits[judged.used] if judged.used >= 0 else 0
    return JudgedBy(segment=segment, intent=intent, by=by, hits=hits, of=judged.of, covered=covered)


class Answers(NamedTuple):
    """What the index answered, by name: what no log can give back later, and what outlives the rows of a moment."""

    content: tuple[tuple[str, float], ...]
    anchored: tuple[tuple[str, float], ...]
    cold: tuple[tuple[str, float], ...]
    timed_out: tuple[str, ...]


def answers_in(retrieved: Retrieved, knowledge: Knowledge) -> Answers:
    """Name what the index answered."""
    names = knowledge.facts.names
    content, anchored, cold = (
        _named(retrieved.found.get(source, NONE), names) for source in ("content", "anchored", "cold")
    )
    return Answers(content, anchored, cold, retrieved.timed_out)


def answered(answers: Answers, knowledge: Knowledge) -> Retrieved:
    """Give what the index answered as rows of this moment's fact table, without what is gone since."""
    found = {source: _rows(getattr(answers, source), knowledge) for source in ("content", "anchored", "cold")}
    return Retrieved(found, answers.timed_out)


def _named(rows: Ranked, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
    return tuple((names[row], score) for row, score in zip(rows.ids.tolist(), rows.scores.tolist(), strict=True))


def _rows(pairs: Sequence[tuple[str, float]], knowledge: Knowledge) -> Ranked:
    there = [(row, value) for item, value in pairs if (row := knowledge.facts.row(item))]
    ids = np.fromiter((row for row, _ in there), np.int32, len(there))
    return Ranked(ids, np.fromiter((value for _, value in there), np.float32, len(there)))


def request_of(occasion: Occasion, placement: Placement, *, campaign: str = "") -> Request:
    """Say what a placement asks for on an occasion."""
    event, context, cause = occasion
    at = placement.name
    if campaign:
        name = campaign_slate_id(campaign=campaign, visitor_id=event.visitor_id, placement=at)
    else:
        name = slate_id(topic=EVENTS, partition=cause.partition, offset=cause.offset, placement=at, epoch=cause.epoch)
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
