"""Which records are worked through again: not those of people who asked to be forgotten."""

from collections.abc import Sequence

from schemas.errors import DecodeError
from schemas.events import Event
from schemas.learning import LearningStep
from schemas.record import epoch_ms
from streams.deciding import arrival_of, event_of, origin_of
from streams.erased import Erased
from streams.flow import LogRecord


def read(record: LogRecord) -> Event | None:
    """Read a record as a worker does; None for what becomes a dead letter."""
    try:
        return event_of(record)
    except DecodeError:
        return None


def came_ms(record: LogRecord, event: Event) -> int:
    """Give when an event came in the first time: history was there long before it was written to this log."""
    return arrival_of(record) if origin_of(record) is None else min(arrival_of(record), epoch_ms(event.at))


def erases(erased: Erased, event: Event, record: LogRecord) -> bool:
    """Tell whether an event is of somebody who asked to be forgotten after it came in."""
    return erased.covers(event, arrived_ms=came_ms(record, event))


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
