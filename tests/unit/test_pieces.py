"""Batches are cut so that no piece takes long, and nothing is lost or reordered by it."""

from hypothesis import given
from hypothesis import strategies as st

from streams.flow import LogRecord
from streams.pieces import PIECE_S, Pace, pieces


def batch(**counts: int) -> dict[int, list[LogRecord]]:
    """Make records of partitions p0, p1, ..."""
    return {
        int(name[1:]): [LogRecord(int(name[1:]), offset, 0, b"k", b"v") for offset in range(count)]
        for name, count in counts.items()
    }


def nobody(partition: int, offset: int) -> bool:
    """Suspect no record."""
    return partition < 0 or offset < 0


def test_an_unknown_pace_starts_small_and_grows() -> None:
    """The first piece is small; when records turn out cheap the next ones are larger, and the other way round."""
    pace = Pace()
    first = pace.records
    for _ in range(8):
        pace.took(first, first * 0.0001)
    quick = pace.records
    assert first < quick <= PIECE_S / 0.0001
    for _ in range(8):
        pace.took(10, 10.0)
    assert pace.records == 1


@given(counts=st.lists(st.integers(0, 60), min_size=1, max_size=4), seconds=st.floats(0, 0.1), odd=st.integers(0, 59))
def test_pieces_are_the_batch(counts: list[int], seconds: float, odd: int) -> None:
    """All records once, in order per partition; only the last piece is the last; a suspect stands alone."""
    fresh = batch(**{f"p{at}": count for at, count in enumerate(counts)})
    pace = Pace()
    cut = []
    for piece in pieces(fresh, pace, suspect=lambda partition, offset: (partition, offset) == (0, odd)):
        cut.append(piece)
        pace.took(sum(map(len, piece.records.values())), seconds)
    for partition, records in fresh.items():
        assert [one for piece in cut for one in piece.records.get(partition, [])] == records
    assert [piece.last for piece in cut] == [False] * (len(cut) - 1) + [True]
    alone = [piece.records[0] for piece in cut if any(one.offset == odd for one in piece.records.get(0, []))]
    assert all(len(records) == 1 for records in alone)
    assert all(piece.careful == (odd < counts[0]) for piece in cut)


def test_an_empty_batch_is_one_empty_piece() -> None:
    """Something has to carry the acknowledgement of records that were applied before."""
    assert [piece.records for piece in pieces({0: []}, Pace(), suspect=nobody)] == [{}]
