"""Visitors' states rebuilt from events, whole or cut, and from what the changelog says."""

from typing import Any

import pytest

from models.session import decode_visitor, encode
from schemas.dead import Source, dead_letter
from schemas.errors import DecodeError
from schemas.events import Event
from schemas.record import epoch_ms, from_epoch_ms
from streams.flow import LogRecord
from streams.partitions import EPOCH_HEADER, WATERMARK_KEY, rebased
from streams.past.visitors import Seeds, Visitors, skips
from tests.journey import RULES, START_MS, Journey, event

NAMES = ("view_item", "select_item", "add_to_cart", "impression", "page_ping")


def record(one: Event, offset: int) -> LogRecord:
    """Give an event as its log has it."""
    return LogRecord(0, offset, epoch_ms(one.at), one.visitor_id.encode(), one.encode())


@pytest.fixture
def log() -> list[LogRecord]:
    """One visitor's way through the shop."""
    events = [event(NAMES[n % 5], f"p{n % 7}", at_s=30.0 * n, event_id=f"e{n}") for n in range(40)]
    return [record(one, offset) for offset, one in enumerate(events)]


@pytest.fixture
def states(log: list[LogRecord]) -> list[bytes]:
    """What the worker wrote of the visitor after each event."""
    journey = Journey()
    told = []
    for one in log:
        journey.take(Event.decode(one.value))
        assert journey.visitor is not None
        told.append(encode(journey.visitor))
    return told


def rebuilt(visitors: Visitors, records: list[LogRecord]) -> list[tuple[bytes | None, bool]]:
    """Apply records; gives each state and whether it is sure."""
    found = [visitors.apply(one) for one in records]
    return [
        (None if one is None or one.applied.visitor is None else encode(one.applied.visitor), bool(one and one.sure))
        for one in found
    ]


def test_a_whole_log_gives_every_state_back(log: list[LogRecord], states: list[bytes]) -> None:
    """From nothing, byte for byte, and sure."""
    assert rebuilt(Visitors(0, RULES), log) == [(state, True) for state in states]


def test_a_cut_log_goes_on_from_the_changelog(log: list[LogRecord], states: list[bytes]) -> None:
    """The earliest state within the events that are kept; before it nothing is sure."""
    seeds = Seeds()
    for offset in (5, 20, 14):
        seeds.take(LogRecord(0, 0, 0, b"v1", states[offset]), epoch=0, start=10)
    seeds.take(LogRecord(0, 0, 0, WATERMARK_KEY, b"{}"), epoch=0, start=10)
    seeds.take(LogRecord(0, 0, 0, b"v1", b"no visitor"), epoch=0, start=10)
    found = rebuilt(Visitors(0, RULES, whole=False, seeds=seeds), log[10:])
    assert not any(sure for _, sure in found[:5])
    assert found[5:] == [(state, True) for state in states[15:]]


def test_an_epoch_begins_with_what_was_known_before_it(log: list[LogRecord], states: list[bytes]) -> None:
    """A source created anew: offsets start over, visitors are kept."""
    seeds = Seeds()
    for offset in (3, 9, 7):
        seeds.take(LogRecord(0, 0, 0, b"v1", states[offset]), epoch=1, start=0)
    headers: Any = ((EPOCH_HEADER, b"1"),)
    seeds.take(LogRecord(0, 0, 0, b"v1", states[30], headers), epoch=2, start=0)
    again = Visitors(0, RULES, epoch=2, whole=False, seeds=seeds)
    state, _ = rebuilt(again, [log[31]._replace(offset=0)])[0]
    assert state is not None
    assert decode_visitor(state).session == decode_visitor(states[31]).session
    assert rebased(state)[:13] == b'{"applied":-1'


def test_who_came_from_another_partition_begins_with_what_was_known_there(
    log: list[LogRecord], states: list[bytes]
) -> None:
    """Their offsets of there mean nothing here."""
    seeds = Seeds()
    seeds.take(LogRecord(0, 0, 0, b"v1", rebased(states[30])), epoch=0, start=0)
    state, sure = rebuilt(Visitors(0, RULES, whole=False, seeds=seeds), [log[31]._replace(offset=0)])[0]
    assert state is not None
    assert not sure
    assert decode_visitor(state).session == decode_visitor(states[31]).session


def test_what_the_worker_died_on_is_skipped(log: list[LogRecord], states: list[bytes]) -> None:
    """A dead letter of the reason `handler` changed nothing; those of other reasons are no events anyway."""
    source = Source(topic="clickstream.events", partition=0, offset=39, timestamp=from_epoch_ms(START_MS + 39 * 30_000))
    letters = []
    for offset, reason in ((39, "handler"), (38, "schema")):
        where = source.model_copy(update={"offset": offset})
        letters.append(dead_letter(DecodeError(reason, ""), source=where, key=None, value=None, headers={}))
    records = [LogRecord(0, at, 0, None, letter.encode()) for at, letter in enumerate(letters)]
    skipped = skips([*records, LogRecord(0, 2, 0, None, b"no letter")])
    found = rebuilt(Visitors(0, RULES, skipped=skipped), log)
    assert found[38] == (states[38], True)
    assert found[39] == (None, False)


def test_dead_letters_and_others_are_passed_over(log: list[LogRecord]) -> None:
    """What cannot be decoded, and visitors nobody asked for."""
    visitors = Visitors(0, RULES, wanted={"somebody"})
    assert visitors.apply(log[0]) is None
    assert visitors.apply(log[1]._replace(value=b"{")) is None
