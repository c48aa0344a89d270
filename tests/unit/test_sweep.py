"""Freeing visitors: when, how many at once, and what the changelog says of it."""

from models.session import SessionRules
from models.session_rules import DAY_MS, HOUR_MS
from schemas.events import BEHIND_MS
from streams.flow import LogRecord
from streams.partitions import PartitionState, Restore
from streams.sweep import LOOKS_PER_RECORD
from tests.journey import START_MS

RULES = SessionRules()
ENDED_MS = RULES.profile_ms + BEHIND_MS


class Partition:
    """A partition whose visitors are only their clocks; `t` is somebody who comes with every batch."""

    def __init__(self) -> None:
        self.state = PartitionState(0)

    def batch(self, at_ms: int, *visitors: bytes, clock_ms: int | None = None) -> list[bytes]:
        """Apply a batch at a time; `clock_ms` is the visitors' own. Gives who was freed."""
        self.state.mark += 1
        clocks = {b"t": at_ms, **dict.fromkeys(visitors, at_ms if clock_ms is None else clock_ms)}
        touched: dict[bytes, bytes | None] = {
            key: b'{"applied":%d,"version":1,"clock":%d}' % (self.state.mark, clock) for key, clock in clocks.items()
        }
        for key, data in touched.items():
            self.state.put(key, data)
        self.state.sweep.after(self.state.visitors, touched, records=len(touched), rules=RULES)
        return [key for key, data in touched.items() if data is None]

    def hours(self, at_ms: int, count: int = 6) -> list[bytes]:
        """Let some hours pass."""
        return [key for hour in range(count) for key in self.batch(at_ms + hour * HOUR_MS)]


def test_nobody_is_freed_whom_a_late_event_could_still_meet() -> None:
    """An event may be a week late: until profile and lateness are both over, the visitor stays."""
    part = Partition()
    part.batch(START_MS, b"v")
    assert part.hours(START_MS + ENDED_MS - 12 * HOUR_MS) == []
    assert part.hours(START_MS + ENDED_MS + HOUR_MS) == [b"v"]
    assert set(part.state.visitors) == {b"t"}


def test_history_that_comes_in_is_left_alone() -> None:
    """Visitors with years-old events stay as long as such events arrive, and go afterwards."""
    part = Partition()
    part.hours(START_MS)
    for hour in range(30):
        old_ms = START_MS - 900 * DAY_MS + hour * DAY_MS
        at_ms = START_MS + (10 + hour) * HOUR_MS
        assert part.batch(at_ms) == []
        assert part.batch(at_ms + HOUR_MS // 2, b"h%d" % hour, clock_ms=old_ms) == []
    assert len(part.hours(START_MS + 2 * DAY_MS, 20)) == 30


def test_nothing_is_freed_in_the_first_hour_after_a_restore() -> None:
    """Whether history is coming in is not known yet."""
    part = Partition()
    for place in range(3):
        part.state.visitors[b"old%d" % place] = b'{"applied":0,"version":1,"clock":%d}' % (START_MS - 900 * DAY_MS)
    assert part.hours(START_MS, 1) == part.batch(START_MS + HOUR_MS - 1) == []
    assert len(part.hours(START_MS + HOUR_MS)) == 3


def test_a_batch_looks_at_a_bounded_number() -> None:
    """However many ended at once, a record pays for a few of them."""
    part = Partition()
    part.batch(START_MS, *(b"v%d" % number for number in range(100)))
    freed = [len(part.batch(START_MS + ENDED_MS + (2 + hour) * HOUR_MS)) for hour in range(40)]
    assert max(freed) == LOOKS_PER_RECORD
    assert sum(freed) == 100


def test_a_state_that_is_none_is_left_alone() -> None:
    """Bytes nobody wrote are told by whoever reads them, not lost by the sweep."""
    part = Partition()
    part.state.visitors[b"odd"] = b'{"applied":3}'
    part.hours(START_MS)
    part.hours(START_MS + ENDED_MS)
    assert b"odd" in part.state.visitors


def test_a_restore_gives_the_same_visitors() -> None:
    """Tombstones of the sweep win over older states, and lose to the state of a visitor who came back."""
    part = Partition()
    rows: list[LogRecord] = []
    hours = [(START_MS + ENDED_MS + hour * HOUR_MS, ()) for hour in range(1, 6)]
    for at_ms, visitors in [(START_MS, (b"v", b"w")), *hours, (START_MS + ENDED_MS + DAY_MS, (b"w",))]:
        freed = part.batch(at_ms, *visitors)
        for key in (b"t", *visitors, *freed):
            data = part.state.visitors.get(key)
            rows.append(LogRecord(0, len(rows), 0, key, data, part.state.headers(data)))
    assert {row.key for row in rows if row.value is None} == {b"v", b"w"}
    restore = Restore(0)
    restore.changelog([*rows, *reversed(rows)])
    assert restore.finish().visitors == part.state.visitors
    assert set(part.state.visitors) == {b"t", b"w"}
