"""A dead letter that is sent again counts once, as what it would have been when it was refused."""

from datetime import timedelta

import orjson
import pytest

from models.session import SessionRules
from schemas.letter_id import REQUEUED_HEADER, LetterId
from schemas.record import epoch_ms, from_epoch_ms
from schemas.topics import EVENTS, EVENTS_DEAD, LEARNING, SLATES
from streams.bootstrap import build_world
from streams.clicks import ClicksAgent, ClicksRules
from streams.flow import LogRecord, Outcome
from streams.gap import Source, check_gap
from streams.partitions import PartitionState, Restore
from streams.requeued import KEPT_MS, KEY, Requeued
from streams.settings import Settings
from tests.journey import event

REFUSED_MS = epoch_ms(event("view_item", "lamp").at) + 1000
NOW_MS = REFUSED_MS + 20 * 24 * 3600 * 1000
"""Longer ago than an event without an origin may be."""

LETTER = LetterId(EVENTS, 0, 7, REFUSED_MS)


def again(offset: int, letter: LetterId = LETTER, *, at_ms: int = NOW_MS, **fields: object) -> LogRecord:
    """Make the record of a letter that was sent again."""
    value = event("view_item", "lamp", **fields).encode()
    return LogRecord(0, offset, at_ms, b"v1", value, ((REQUEUED_HEADER, letter.header()), ("origin", b"replay")))


def live(offset: int) -> LogRecord:
    """Make a record that came just now."""
    value = event("view_item", "sofa", at_s=NOW_MS / 1000 - REFUSED_MS / 1000, event_id=f"live{offset}").encode()
    return LogRecord(0, offset, NOW_MS, b"v1", value)


@pytest.fixture(scope="module")
def agent() -> ClicksAgent:
    """An agent that knows no product."""
    return ClicksAgent(build_world(Settings(_env_file=None)), ClicksRules(), clock=lambda: from_epoch_ms(NOW_MS))


def topics(outcome: Outcome) -> list[str]:
    """Name where an outcome goes."""
    return [out.topic for out in outcome.outputs]


def test_it_is_learned_and_asks_for_no_slate(agent: ClicksAgent) -> None:
    """Its shopper has long been shown something else."""
    part = PartitionState(0)
    assert set(topics(agent.handle([live(0)], part))) == {LEARNING, SLATES}
    assert topics(agent.handle([again(1)], part)) == [LEARNING]


def test_it_does_not_move_the_session(agent: ClicksAgent) -> None:
    """What it tells is late."""
    part = PartitionState(0)
    agent.handle([live(0)], part)
    before = orjson.loads(part.visitors[b"v1"])
    agent.handle([again(1)], part)
    assert orjson.loads(part.visitors[b"v1"])["session"] == before["session"]


def test_its_time_is_held_against_its_own_arrival(agent: ClicksAgent) -> None:
    """What was up to ten minutes ahead of it is set back to it, however long ago that is now."""
    outcome = agent.handle([again(0, at_s=300)], PartitionState(0))
    (step,) = [orjson.loads(out.value or b"") for out in outcome.outputs if out.topic == LEARNING]
    assert step["at"] == (event("view_item").at + timedelta(seconds=1)).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )


@pytest.mark.parametrize("between", [0, 100])
def test_a_letter_counts_once_however_often_it_is_sent(agent: ClicksAgent, between: int) -> None:
    """Also when more events came between than a visitor's state remembers."""
    assert SessionRules().seen < 100
    part = PartitionState(0)
    agent.handle([again(0), *(live(n + 1) for n in range(between))], part)
    before = part.visitors[b"v1"]
    outcome = agent.handle([again(200), again(201)], part)
    assert (outcome.outputs, outcome.touched, outcome.entries) == ([], {}, {})
    assert part.visitors[b"v1"] == before


def test_other_letters_are_taken(agent: ClicksAgent) -> None:
    """Of another place, or of the same place in a topic that was created anew."""
    part = PartitionState(0)
    for n, letter in enumerate([LETTER, LETTER._replace(offset=8), LETTER._replace(arrived_ms=REFUSED_MS + 5)]):
        assert topics(agent.handle([again(n, letter, event_id=f"e{n}")], part)) == [LEARNING]


def test_one_that_is_refused_again_may_be_sent_once_more(agent: ClicksAgent) -> None:
    """It was not taken; it is a dead letter of its own."""
    part = PartitionState(0)
    bad = again(0)._replace(value=b"{nope")
    assert topics(agent.handle([bad], part)) == [EVENTS_DEAD]
    assert topics(agent.handle([again(1)], part)) == [LEARNING]


def restored(entries: dict[bytes, bytes | None], mark: int = -1) -> PartitionState:
    """Put a partition together from the changelog's entries."""
    part = PartitionState(0, mark=mark)
    restore = Restore(0)
    rows = [LogRecord(0, n, 0, key, value) for n, (key, value) in enumerate(entries.items())]
    restore.changelog([*rows, LogRecord(0, 99, 0, b"\0watermark", part.watermark().encode())])
    return restore.finish()


def test_what_was_taken_is_known_after_a_restart(agent: ClicksAgent) -> None:
    """It stands in the changelog."""
    part = PartitionState(0)
    outcome = agent.handle([again(3)], part)
    after = restored(outcome.entries, mark=3)
    assert after.requeued == part.requeued
    assert after.visitors == {}
    assert agent.handle([again(4)], after).outputs == []


def test_a_torn_write_loses_nothing(agent: ClicksAgent) -> None:
    """The entry was written, the visitor and the watermark were not: the record is read again, and counts."""
    outcome = agent.handle([again(3)], PartitionState(0))
    after = restored(outcome.entries)
    assert topics(agent.handle([again(3)], after)) == [LEARNING]
    assert b"v1" in after.visitors


def test_it_stays_known_when_the_topic_is_created_anew(agent: ClicksAgent) -> None:
    """Whatever the new offsets are."""
    part = PartitionState(0, topic_id="old")
    agent.handle([again(300)], part)
    part = check_gap(part, Source(None, 0, 0, "new"), accept=True)
    assert agent.handle([again(2)], part).outputs == []


def test_what_is_too_old_to_be_sent_again_is_forgotten() -> None:
    """So that a partition's entries do not grow for ever."""
    requeued = Requeued()
    requeued.take(LETTER, again(1))
    written = requeued.take(LETTER._replace(offset=8), again(2, at_ms=NOW_MS + KEPT_MS + 1))
    assert written[KEY + LETTER.header()] is None
    assert len(requeued) == 1


@pytest.mark.parametrize("header", [b"", b"x", b"clickstream.events/0/7", b"learning/0/7@5", b"\xff\xfe"])
def test_any_other_header_is_none(agent: ClicksAgent, header: bytes) -> None:
    """Such a record is one like all others."""
    record = LogRecord(0, 0, REFUSED_MS, b"v1", event("view_item", "lamp").encode(), ((REQUEUED_HEADER, header),))
    assert SLATES in topics(agent.handle([record], PartitionState(0)))
