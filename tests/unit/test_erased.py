"""What reads the past again knows whom to leave out."""

from datetime import timedelta

import pytest

from schemas.erasures import Erasure, Subject
from schemas.learning import Origin
from schemas.record import epoch_ms
from streams.erased import Erased
from streams.flow import LogRecord
from tests.journey import event

UNTIL = event("view_item", "lamp").at
ARRIVED_MS = epoch_ms(UNTIL)
ORIGIN = Origin(topic="clickstream.events", partition=0, offset=7)


def forgotten(subject: Subject, name: str, *, later_s: int = 0) -> LogRecord:
    """Make an entry."""
    until = UNTIL + timedelta(seconds=later_s)
    value = Erasure(subject=subject, subject_id=name, until=until, origin=ORIGIN).encode()
    return LogRecord(0, 0, 0, f"{subject}:{name}".encode(), value)


@pytest.fixture
def erased() -> Erased:
    """Give a list with the visitor v1 and the user u1."""
    erased = Erased()
    erased.apply(forgotten("visitor", "v1"))
    erased.apply(forgotten("user", "u1"))
    return erased


def test_what_arrived_up_to_the_request_is_covered_and_what_comes_later_is_not(erased: Erased) -> None:
    """Who returns is new."""
    assert erased.covers(event("view_item", "lamp"), arrived_ms=ARRIVED_MS)
    assert not erased.covers(event("view_item", "lamp"), arrived_ms=ARRIVED_MS + 1)


def test_a_users_events_are_covered_whatever_device_they_came_from(erased: Erased) -> None:
    """And a visitor who bears the user's id by chance is somebody else."""
    other = event("view_item", "lamp").model_copy(update={"visitor_id": "v2", "user_id": "u1"})
    assert erased.covers(other, arrived_ms=ARRIVED_MS)
    assert not erased.covers(other.model_copy(update={"visitor_id": "u1", "user_id": None}), arrived_ms=ARRIVED_MS)


def test_the_request_itself_may_be_read_again(erased: Erased) -> None:
    """It erases what was learned elsewhere."""
    assert not erased.covers(event("forget"), arrived_ms=ARRIVED_MS)


def test_the_later_of_two_requests_holds(erased: Erased) -> None:
    """In whatever order they are read; an entry that cannot be read is counted and passed over."""
    erased.apply(forgotten("visitor", "v1", later_s=5))
    erased.apply(forgotten("visitor", "v1", later_s=1))
    erased.apply(LogRecord(0, 3, 0, b"visitor:v3", b"{"))
    assert erased.covers_ids("v1", None, arrived_ms=ARRIVED_MS + 5000)
    assert len(erased) == 2
