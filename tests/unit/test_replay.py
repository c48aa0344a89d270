"""Replay in lock-step, on logs in memory that can break off between any two writes."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from schemas.errors import RefusedError
from schemas.letter_id import LetterId
from schemas.record import epoch_ms
from schemas.topics import EVENTS, EVENTS_DEAD, LEARNING, PRODUCTS, SLATES
from streams.clicks import ClicksAgent
from streams.flow import LogRecord, Outcome
from streams.partitions import PartitionState
from streams.replay.merging import UNTIMED, Merged, Placed, arrival, cut, event_time
from streams.replay.plan import Checkpoint, Plan
from streams.replay.replaying import Asked, target_topics
from tests.memory_logs import NOON, PARTITIONS, KilledError, Shop

OUTPUTS = (SLATES, LEARNING, EVENTS_DEAD, "recommendations.evidence")


def test_two_replays_are_equal() -> None:
    """Whatever comes in one fetch: outputs, states and hash; slates name the exact step they were decided behind."""
    shop = Shop()
    one = shop.replay(Asked(into="one"))
    shop.logs.fetch = 50
    two = shop.replay(Asked(into="two."))
    assert one.digest == two.digest
    assert one.slates > 60
    assert one.learned > 40
    assert (one.events, one.dead_letters, one.erased) == (61, 1, 0)
    for topic in OUTPUTS:
        assert shop.read("one", topic) == shop.read("two", topic)
    assert shop.states("one") == shop.states("two")


def test_killed_anywhere_and_started_again_is_as_if_not_killed() -> None:
    """Between any two partitions' writes: the same bytes at the same offsets, no record twice."""
    whole = Shop(80)
    whole.replay(Asked(into="one"))
    broken = Shop(80)
    kills = 0
    while kills < 100:  # a piece is up to 14 writes
        broken.logs.left = 1 + 5 * kills % 14
        try:
            broken.replay(Asked(into="one"))
            break
        except KilledError:
            kills += 1
    assert 10 < kills < 100
    broken.logs.left = 1 << 30
    for topic in OUTPUTS:
        assert broken.read("one", topic) == whole.read("one", topic)
    assert broken.states("one") == whole.states("one")
    assert broken.replay(Asked(into="one")) == whole.replay(Asked(into="one"))._replace(seconds=0.0)


def test_letters_taken_before_a_kill_are_not_taken_again() -> None:
    """A letter counts once also when the replay that took it was killed before it came the second time."""
    whole, broken = Shop(0), Shop(0)
    for shop in (whole, broken):
        for n in range(40):
            shop.event(n, f"v{n % 20}", f"p{n}", letter=LetterId(EVENTS, 0, n % 20, epoch_ms(NOON)))
    expected = whole.replay(Asked(into="one"))
    assert expected.learned == 20
    while True:
        broken.logs.left = 9
        try:
            found = broken.replay(Asked(into="one"))
            break
        except KilledError:
            continue
    assert (found.learned, found.digest) == (expected.learned, expected.digest)
    assert broken.states("one") == whole.states("one")


def test_other_settings_do_not_go_on_with_what_they_did_not_begin() -> None:
    """Half of each would be neither."""
    shop = Shop()
    shop.logs.left = 9
    with pytest.raises(KilledError):
        shop.replay(Asked(into="one"))
    shop.logs.left = 1 << 30
    shop.settings = shop.settings.model_copy(update={"training_share": 0.0})
    with pytest.raises(RefusedError, match="one was begun by another build or with other settings"):
        shop.replay(Asked(into="one"))


def test_a_part_is_replayed_with_what_was_known_before_it() -> None:
    """Visitors who came before are known, nothing of before is decided; other limits need another prefix."""
    shop = Shop()
    shop.replay(Asked(into="all"))
    late = NOON + timedelta(seconds=15)
    found = shop.replay(Asked(start=late, into="late"))
    assert found.events == 30 + 1
    marks = {visitor: value for (_, visitor), value in shop.states("late").items() if visitor and visitor[0]}
    assert marks
    assert all(shop.states("all")[key] == value for key, value in shop.states("late").items() if key[1] in marks)
    with pytest.raises(RefusedError, match="late holds a replay with --from 2026-05-01T12:00:15"):
        shop.replay(Asked(into="late"))


def test_event_times_and_partitions_leave_the_rest_out() -> None:
    """What is outside leaves no trace; the same command has the same name, another one has another."""
    shop = Shop()
    first = shop.replay(Asked(event_end=NOON + timedelta(seconds=10), into="first"))
    assert (first.events, first.outside) == (20 + 1, 40)
    one = shop.replay(Asked(partitions=(1,), into="one"))
    assert {partition for partition, *_ in shop.read("one", SLATES)} == {1}
    assert one.records < first.records
    with pytest.raises(RefusedError, match="There is no partition 7"):
        shop.replay(Asked(partitions=(7,)))
    assert Asked(partitions=(1,)).name == Asked(partitions=(1,)).name != Asked().name


def test_people_who_asked_to_be_forgotten_are_left_out_and_counted() -> None:
    """Up to when they asked; what they did later is replayed."""
    shop = Shop()
    theirs = [n for n in range(3) for record in shop.logs.topics[EVENTS, n] if record.key == b"v4"]
    shop.forget("v4", until=NOON + timedelta(seconds=20))
    found = shop.replay(Asked(into="one"))
    assert 0 < found.erased < len(theirs)
    assert found.events == 61 - found.erased
    assert not [slate for slate in shop.read("one") if slate[2] == b"v4" and b"12:00:0" in (slate[3] or b"")]


def test_no_two_write_to_one_prefix() -> None:
    """Records that no replay wrote, and those that are not what it would write, end it."""
    shop = Shop()
    shop.logs.put(target_topics(shop.settings, "two")[LEARNING], 0, None, b"{}", NOON)
    with pytest.raises(RefusedError, match="two has records that no replay wrote there"):
        shop.replay(Asked(into="two"))
    shop.logs.left = 1
    with pytest.raises(KilledError):
        shop.replay(Asked(into="one"))
    shop.logs.left = 1 << 30
    shop.logs.put(target_topics(shop.settings, "one")[LEARNING], 0, None, b"{}", NOON)
    with pytest.raises(RefusedError, match="another record at offset 0"):
        shop.replay(Asked(into="one"))


def placed(*times: int) -> list[Placed]:
    """Make records of partition 0 at these milliseconds."""
    return [Placed(at, LogRecord(0, n, at, None, None)) for n, at in enumerate(times)]


def test_pieces_end_by_number_or_by_time() -> None:
    """So that a paced replay does not wait for records that come much later."""
    assert cut(placed(0, 10, 20, 5000), most=9, span_ms=100) == 3
    assert cut(placed(0, 10, 20, 5000), most=2, span_ms=100) == 2
    assert cut(placed(0), most=2, span_ms=100) == 1


def test_order_is_by_time_over_partitions_and_by_offset_within_one() -> None:
    """A record that tells an earlier time than the one before it keeps its place; ties go by partition."""
    merged = Merged({0: UNTIMED, 1: UNTIMED}, arrival)
    merged.add(0, [LogRecord(0, n, at, None, None) for n, at in enumerate((10, 5, 30))])
    merged.add(1, [LogRecord(1, n, at, None, None) for n, at in enumerate((10, 20))])
    assert [(one.record.partition, one.record.offset) for one in merged.take(9)] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert merged.take(9) == []
    merged.end(1)
    assert [one.record.offset for one in merged.take(9)] == [2]
    assert event_time(LogRecord(0, 0, 10, None, b"nothing")) == UNTIMED


def test_plan_and_checkpoint_survive_being_written() -> None:
    """Partitions are numbers again."""
    plan = Plan({"--from": "x"}, "arrival", {0: 3}, {0: 9}, 2, {PRODUCTS: {1: 4}}, "me", 5)
    assert Plan.decode(plan.encode()) == plan
    point = Checkpoint.first(plan, learned=0, outputs={SLATES: {2: 1}}).after(placed(3, 4), counts={"events": 2})
    assert Checkpoint.decode(point.encode()) == point
    assert point.positions == {0: 2}


def test_a_record_that_cannot_be_handled_becomes_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a worker that it killed three times; but when many fail, the replay does."""
    handle = ClicksAgent.handle

    def failing(self: ClicksAgent, records: Sequence[LogRecord], part: PartitionState) -> Outcome:
        if records[0].offset < limit:
            raise ZeroDivisionError
        return handle(self, records, part)

    monkeypatch.setattr(ClicksAgent, "handle", failing)
    limit = 1
    found = Shop().replay(Asked(into="one"))
    assert (found.events, found.dead_letters) == (61, PARTITIONS + 1)
    limit = 9
    with pytest.raises(ZeroDivisionError):
        Shop().replay(Asked(into="one"))
