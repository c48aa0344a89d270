"""Restoring a partition's state: torn writes, zombies, tombstones, recreated topics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RefusedError
from streams.flow import LogRecord
from streams.gap import Source, check_gap
from streams.partitions import WATERMARK_KEY, PartitionState, Restore, Watermark

NONE: tuple[tuple[str, bytes], ...] = ()


def state(applied: int, text: str = "") -> bytes:
    """Encode a visitor's state."""
    return b'{"applied":%d,"note":"%s"}' % (applied, text.encode())


def log(
    *rows: tuple[bytes, bytes | None] | tuple[bytes, bytes | None, tuple[tuple[str, bytes], ...]],
) -> list[LogRecord]:
    """Write rows as a log."""
    return [LogRecord(0, i, 0, row[0], row[1], row[2] if len(row) > 2 else NONE) for i, row in enumerate(rows)]


def restored(
    *rows: tuple[bytes, bytes | None] | tuple[bytes, bytes | None, tuple[tuple[str, bytes], ...]],
) -> PartitionState:
    """Restore a state from changelog rows."""
    restore = Restore(0)
    restore.changelog(log(*rows))
    return restore.finish()


def mark(offset: int, out_end: int = 0, epoch: int = 0) -> tuple[bytes, bytes]:
    """Write a watermark row."""
    return WATERMARK_KEY, Watermark(offset, out_end, epoch).encode()


def test_highest_applied_wins() -> None:
    """A state written late by a worker that had lost the partition does not replace a newer one."""
    part = restored((b"v", state(9, "new")), mark(9, 4), (b"v", state(5, "old")), mark(5, 2))
    assert part.visitors == {b"v": state(9, "new")}
    assert (part.mark, part.out_end) == (9, 4)


def test_torn_write() -> None:
    """A state without its watermark is kept: its `applied` says that the events after the mark are in it."""
    part = restored((b"v", state(3)), mark(3), (b"v", state(7)))
    assert part.visitors == {b"v": state(7)}
    assert part.mark == 3


def test_what_was_overtaken_is_named() -> None:
    """Compaction keeps the last state of a visitor: one that is not the newest is to be written over, or forgotten."""
    gone = (b"w", None, PartitionState(0, mark=8).headers(None))
    part = restored((b"v", state(9)), (b"w", state(7)), gone, (b"u", state(3)), (b"v", state(5)), (b"w", state(6)))
    assert part.overtaken == {b"v", b"w"}
    assert restored((b"v", state(9)), (b"v", state(5)), (b"v", state(9))).overtaken == set()


def test_tombstones() -> None:
    """A forgotten visitor stays forgotten whatever a zombie wrote after it, and may come back later."""
    gone = PartitionState(0, mark=8)
    row = (b"v", None, gone.headers(None))
    assert restored((b"v", state(5)), row, (b"v", state(6))).visitors == {}
    assert restored((b"v", state(5)), row, (b"v", state(9))).visitors == {b"v": state(9)}


def test_a_forgotten_visitor_of_an_older_epoch_comes_back() -> None:
    """Offsets of another epoch are not compared: the newer epoch wins whatever they are."""
    old, new = PartitionState(0, mark=900), PartitionState(0, mark=3, epoch=1)
    rows = [(b"v", state(800)), (b"v", None, old.headers(None)), (b"v", state(2), new.headers(b"")), mark(3, 0, 1)]
    assert restored(*rows).visitors == {b"v": state(2)}
    assert restored(rows[2], rows[0], rows[1], rows[3]).visitors == {b"v": state(2)}


def test_epochs() -> None:
    """After the source was created anew, older states are kept but their offsets mean nothing any more."""
    new = PartitionState(0, mark=2, epoch=1)
    part = restored(
        (b"a", state(900)), (b"b", state(901)), mark(901), (b"a", state(2), new.headers(b"")), mark(2, 0, 1)
    )
    assert part.visitors == {b"a": state(2), b"b": state(-1)}
    assert (part.mark, part.epoch) == (2, 1)


def test_emitted_is_a_set() -> None:
    """Slates of revision 0 after the mark are remembered one by one; later revisions answer to no event."""
    restore = Restore(0)
    restore.changelog(log(mark(5)))
    rows = [(5, "home", 0), (6, "home", 0), (9, "home", 0), (7, "home", 1)]
    restore.outputs(
        log(
            *(
                (b"v", b'{"cause":{"offset":%d},"placement":"%s","revision":%d}' % (o, p.encode(), r))
                for o, p, r in rows
            )
        )
    )
    assert restore.finish().emitted == {(6, "home"), (9, "home")}


def test_slates_of_an_earlier_epoch_answer_nothing() -> None:
    """What was sent before the source was created anew does not keep an event at the same offset from its slate."""
    restore = Restore(0)
    restore.changelog(log(mark(900), mark(-1, 0, 1)))
    text = b'{"cause":{"offset":6,"epoch":%d},"placement":"%s","revision":0}'
    restore.outputs(log((b"v", text % (0, b"home")), (b"v", text % (1, b"cart"))))
    assert restore.finish().emitted == {(6, "cart")}


@given(st.permutations(range(6)), st.integers(0, 5))
def test_order_of_states_does_not_matter(order: list[int], again: int) -> None:
    """However the states of one visitor are ordered and repeated in the log, the newest is found."""
    assert restored(*((b"v", state(n)) for n in [*order, again])).visitors == {b"v": state(5)}


@pytest.mark.parametrize(
    ("marked", "source", "numbers"),
    [
        (4, Source(10, 0, 20), ("4", "10")),
        (-1, Source(10, 0, 20), ("-1", "10")),
        (25, Source(20, 0, 20), ("25", "20")),
        (4, Source(5, 9, 20), ("4", "9")),
    ],
)
def test_refusals(marked: int, source: Source, numbers: tuple[str, ...]) -> None:
    """State that does not meet its source is refused with both numbers and the command; accepted, it goes on."""
    part = PartitionState(0, mark=marked, visitors={b"v": state(marked)})
    with pytest.raises(RefusedError, match="--accept-gap") as refused:
        check_gap(part, source)
    assert all(number in str(refused.value) for number in numbers)
    taken = check_gap(part, source, accept=True)
    assert source.start - 1 <= taken.mark < source.end
    check_gap(taken, source._replace(committed=None))


def test_another_topic_of_the_same_name_is_refused() -> None:
    """Where ids tell that the source was created anew, both are named; accepted, an epoch begins at the log's start."""
    part = PartitionState(0, mark=100, topic_id="old-one", visitors={b"v": state(100)}, emitted={(101, "home")})
    source = Source(None, 0, 501, "new-one")
    with pytest.raises(RefusedError, match="--accept-gap") as refused:
        check_gap(part, source)
    assert "old-one" in str(refused.value)
    assert "new-one" in str(refused.value)
    taken = check_gap(part, source, accept=True)
    assert (taken.mark, taken.epoch, taken.topic_id) == (-1, 1, "new-one")
    assert (taken.visitors, taken.emitted) == ({b"v": state(-1)}, set())
    assert check_gap(taken, source) == taken


@pytest.mark.parametrize(
    ("known", "told", "kept"), [("", "new", "new"), ("old", "", "old"), ("same", "same", "same"), ("", "", "")]
)
def test_an_id_that_is_not_known_refuses_nothing(known: str, told: str, kept: str) -> None:
    """Older state and older brokers have no id: it is taken over once there is one, and never lost."""
    part = PartitionState(0, mark=9, topic_id=known)
    taken = check_gap(part, Source(10, 0, 20, told))
    assert taken.topic_id == kept
    assert Watermark.decode(taken.watermark().encode()) == Watermark(9, 0, 0, kept)


def test_watermarks_of_older_builds_are_read() -> None:
    """A record without epoch and id is one of the first epoch of a topic not known."""
    assert Watermark.decode(b'{"mark":4,"out_end":2}') == Watermark(4, 2, 0, "")


@pytest.mark.parametrize(
    ("marked", "source"),
    [(-1, Source(None, 0, 0)), (-1, Source(None, 700, 900)), (9, Source(10, 0, 10)), (9, Source(4, 10, 10))],
)
def test_meeting(marked: int, source: Source) -> None:
    """A first start, a log that begins later, and state that is ahead of the last commit are all fine."""
    part = PartitionState(0, mark=marked)
    assert check_gap(part, source) == part


BROKEN = [b"", b"null", b"{}", b"[1,2]", b'{"mark":"7","out_end":0}', b'{"mark":7,"out_end":-9}', b'{"mark":7}']


@pytest.mark.parametrize("value", BROKEN)
def test_an_unreadable_watermark_is_none(value: bytes) -> None:
    """Whoever wrote it, the mark before it or after it holds, and the worker is not stopped by it."""
    before = restored((b"v", state(5)), mark(5, 3), (WATERMARK_KEY, value))
    after = restored((WATERMARK_KEY, value), (b"v", state(5)), mark(5, 3))
    assert before == after
    assert (before.mark, before.out_end, before.unreadable, before.visitors) == (5, 3, 1, {b"v": state(5)})
    assert check_gap(before, Source(committed=6, start=0, end=9)).mark == 5


def test_only_unreadable_watermarks_are_refused_until_accepted() -> None:
    """Where compaction left no other, nobody knows how far the state goes: said with both numbers, never guessed."""
    part = restored((b"v", state(5)), (WATERMARK_KEY, b"garbage"))
    with pytest.raises(RefusedError, match=r"offset -1, .*committed 6: 1 watermarks are unreadable; .*--accept-gap"):
        check_gap(part, Source(committed=6, start=0, end=9))
    with pytest.raises(RefusedError, match=r"1 watermarks are unreadable and the group has committed nothing"):
        check_gap(part, Source(committed=None, start=2, end=9))
    accepted = check_gap(part, Source(committed=6, start=0, end=9), accept=True)
    assert (accepted.mark, accepted.visitors) == (5, {b"v": state(5)})
    assert check_gap(part, Source(committed=None, start=2, end=9), accept=True).mark == 1


@pytest.mark.parametrize("header", [("epoch", b"one"), ("applied", b"\xff"), ("epoch", b"1" * 5000)])
def test_a_state_with_a_broken_header_is_passed_over(header: tuple[str, bytes]) -> None:
    """Its visitor is as before it; the others are not concerned."""
    part = restored((b"v", state(3)), (b"v", state(7) if header[0] == "epoch" else None, (header,)), mark(3))
    assert part.visitors == {b"v": state(3)}


@pytest.mark.parametrize("value", [b"garbage", b"[]", b"{}", b'{"cause":{"offset":"8"},"placement":"home"}'])
def test_what_is_no_slate_answers_nothing(value: bytes) -> None:
    """A record that somebody else wrote among the slates stops no restore, and takes no event's slate away."""
    restore = Restore(0)
    restore.changelog(log(mark(5)))
    restore.outputs(log((b"v", value), (b"v", b'{"cause":{"offset":8},"placement":"cart"}')))
    assert restore.finish().emitted == {(8, "cart")}
