"""What must be there: computed from the log of events alone, without Kafka, workers or delivery.

It uses the session fold and the placements, which decide; nothing of what moves, keeps or restores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from models.placements import PLACEMENTS
from models.session import SessionRules, Visitor, apply, encode
from schemas.erasures import erasures_of
from schemas.errors import DecodeError
from schemas.events import ORIGIN_HEADER, Event, decode_event
from schemas.learning import LearningStep, Origin
from schemas.record import nearest_time
from schemas.slates import slate_id
from schemas.topics import EVENTS
from streams.flow import LogRecord

POISON = "poison-"
"""An event whose id starts so kills each worker that handles it, and is skipped by the one that has learned to."""

Place = tuple[int, int]
"""Partition and offset of a source record."""


class Answer(NamedTuple):
    """Whose slate it must be, and which event it answers."""

    visitor: str
    event_id: str


@dataclass
class Due:
    """What one source record makes.

    Slates by id, learning, a dead letter's reason, whose context it changes, and the keys of erasures.
    """

    place: Place
    slates: Mapping[str, Answer] = field(default_factory=dict)
    learned: bool = False
    dead: str | None = None
    visitor: bytes | None = None
    erased: tuple[bytes, ...] = ()


class Oracle:
    """Fold the log of events.

    Args:
        rules: of sessions; those of the workers.
        epoch: how often the source was created anew.
    """

    def __init__(self, rules: SessionRules | None = None, *, epoch: int = 0) -> None:
        self._rules = rules or SessionRules()
        self._visitors: dict[bytes, Visitor | None] = {}
        self.epoch = epoch

    def context(self, visitor: bytes) -> bytes | None:
        """Give a visitor's context as it must be written; None where there must be none."""
        state = self._visitors.get(visitor)
        return None if state is None else encode(state)

    def visitors(self) -> Sequence[bytes]:
        """Name everybody who was ever there."""
        return list(self._visitors)

    def states(self) -> Mapping[bytes, Visitor | None]:
        """Give everybody's context by partition and id."""
        return dict(self._visitors)

    def begin(self, states: Mapping[bytes, Visitor | None]) -> None:
        """Begin with contexts from before."""
        self._visitors = dict(states)

    def take(self, record: LogRecord) -> Due:
        """Apply the next record of its partition."""
        place = record.partition, record.offset
        try:
            event = decode_event(record.value, arrival_ms=record.timestamp_ms, origin=_origin(record))
        except DecodeError as error:
            return Due(place, dead=error.reason)
        if event.event_id.startswith(POISON):
            return Due(place, dead="handler")
        # A visitor lives in one partition; one whose records lie in several has a context in each.
        key = event.visitor_id.encode()
        origin = Origin(topic=EVENTS, partition=record.partition, offset=record.offset, epoch=self.epoch)
        known = self._visitors.get(_at(record.partition, key))
        applied = apply(known, event, origin=origin, item_of=lambda product: product, rules=self._rules)
        if applied.changed:
            self._visitors[_at(record.partition, key)] = applied.visitor
        return Due(
            place,
            slates=self._slates(record, event) if applied.triggers else {},
            learned=applied.step is not None,
            visitor=_at(record.partition, key) if applied.changed else None,
            erased=_erased(record, applied.step),
        )

    def _slates(self, record: LogRecord, event: Event) -> dict[str, Answer]:
        at = {"topic": EVENTS, "partition": record.partition, "offset": record.offset, "epoch": self.epoch}
        answer = Answer(event.visitor_id, event.event_id)
        return {slate_id(**at, placement=p.name): answer for p in PLACEMENTS if p.triggered_by(event)}


def _erased(record: LogRecord, step: LearningStep | None) -> tuple[bytes, ...]:
    """Name the erasures that a `forget` makes."""
    if step is None or step.kind != "forget":
        return ()
    return tuple(one.key() for one in erasures_of(step, until=nearest_time(record.timestamp_ms)))


def _at(partition: int, key: bytes) -> bytes:
    """Name a visitor's context in a partition."""
    return b"%d/%s" % (partition, key)


def _origin(record: LogRecord) -> str | None:
    value = dict(record.headers).get(ORIGIN_HEADER)
    return None if value is None else value.decode(errors="replace")
