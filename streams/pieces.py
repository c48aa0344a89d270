"""Cut a batch into pieces that are worked through one after the other.

A batch is all that was queued, seconds of work after a pause. Taken at once, its first slate would wait for its last,
the event loop would stand still, and a rebalance would have to wait for all of it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from streams.flow import LogRecord

PIECE_S = 0.1
"""How long a piece is worked on: long enough that waiting for the broker in between is little of it."""

FIRST_RECORD_S = 0.005
"""What a record is taken to cost before any was handled; a high guess makes small pieces, which is safe."""


class Pace:
    """How many records fit into a piece, from what the last ones took."""

    def __init__(self) -> None:
        self._record_s = FIRST_RECORD_S

    @property
    def records(self) -> int:
        """Give the size of the next piece, at least 1."""
        return max(1, int(PIECE_S / self._record_s))

    def took(self, records: int, seconds: float) -> None:
        """Note a piece: half of what is expected next comes from it.

        >>> pace = Pace()
        >>> pace.took(records=10, seconds=0.01)
        >>> pace.records
        33
        """
        if records:
            self._record_s = max(1e-6, (self._record_s + seconds / records) / 2)


class Piece(NamedTuple):
    """Records by partition, in order; `last` when nothing of the batch is left, `careful` when it stands alone."""

    records: dict[int, list[LogRecord]]
    last: bool
    careful: bool


def pieces(fresh: Mapping[int, list[LogRecord]], pace: Pace, *, suspect: Callable[[int, int], bool]) -> Iterator[Piece]:
    """Cut a batch, each partition's share at a time; suspects stand alone.

    Args:
        fresh: records by partition, in order.
        pace: asked for each piece anew.
        suspect: whether the record at (partition, offset) may have killed the worker before.

    Yields:
        at least one piece, empty where there is nothing fresh, so that something carries the acknowledgement.
    """
    waiting = {partition: records for partition, records in fresh.items() if records}
    careful = any(suspect(record.partition, record.offset) for records in waiting.values() for record in records)
    if not waiting:
        yield Piece({}, last=True, careful=False)
    while waiting:
        share = max(1, pace.records // len(waiting))
        taken = {}
        for partition, records in list(waiting.items()):
            count = _until_suspect(records, share, suspect) if careful else share
            taken[partition], rest = records[:count], records[count:]
            if rest:
                waiting[partition] = rest
            else:
                del waiting[partition]
        yield Piece(taken, last=not waiting, careful=careful)


def _until_suspect(records: list[LogRecord], most: int, suspect: Callable[[int, int], bool]) -> int:
    """Count the records to take: those before the next suspect, or the suspect alone."""
    for count, record in enumerate(records[:most]):
        if suspect(record.partition, record.offset):
            return max(1, count)
    return min(most, len(records))
