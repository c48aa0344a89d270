"""Which records are worked through again: not those of people who asked to be forgotten."""

from collections.abc import Sequence

from schemas.errors import DecodeError
from schemas.events import Event
from schemas.learning import LearningStep
from streams.deciding import arrival_of, event_of
from streams.erased import Erased
from streams.flow import LogRecord


def read(record: LogRecord) -> Event | None:
    """Read a record as a worker does; None for what becomes a dead letter."""
    try:
        return event_of(record)
    except DecodeError:
        return None


def erases(erased: Erased, event: Event, record: LogRecord) -> bool:
    """Tell whether an event is left out; one that was sent again is as old as when it came in first."""
    return erased.covers(event, arrived_ms=arrival_of(record))


def without(records: Sequence[LogRecord], erased: Erased) -> list[LogRecord]:
    """Leave out the events of people who asked to be forgotten; what is no event stays."""
    if not len(erased):
        return list(records)
    found = [(record, read(record)) for record in records]
    return [record for record, event in found if event is None or not erases(erased, event, record)]


def covered(record: LogRecord, erased: Erased) -> bool:
    """Tell whether a learning step is of somebody erased; a `forget` step never is."""
    if not len(erased):
        return False
    try:
        step = LearningStep.decode(record.value)
    except DecodeError:
        return False
    return step.kind != "forget" and erased.covers_ids(step.visitor_id, step.user_id, arrived_ms=record.timestamp_ms)
