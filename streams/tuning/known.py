"""What is known of a log before its test part begins, in memory, for going through it again and again."""

from array import array
from collections import Counter, deque
from collections.abc import Iterator
from functools import cached_property

from schemas.errors import RefusedError
from schemas.events import Event
from schemas.record import epoch_ms
from streams.evaluation.visits import happenings
from streams.runs.display import Watch
from streams.sources.event_file import EventFile, TimedRow

FOREVER_MS = 1 << 62


class KnownPart(EventFile):
    """The last events of a log before some time; of what comes from then on not even products are known.

    Args:
        file: the log.
        before_ms: when the test part begins, ms since 1970.
        most: events kept, the last ones.
    """

    def __init__(self, file: EventFile, before_ms: int, most: int) -> None:
        super().__init__(file.path, file.layout, limit=file.limit)
        self._before_ms = before_ms
        self._most = most

    @property
    def rows(self) -> int:
        """Count the events kept."""
        return len(self._kept)

    def events_with_rows(self) -> Iterator[tuple[Event, TimedRow]]:
        """Give the events kept; nothing is read again."""
        return iter(self._kept)

    @cached_property
    def _kept(self) -> deque[tuple[Event, TimedRow]]:
        # A line of an invoice is no event of an evaluation, but its purchase is.
        lines = self.layout.labels == {"add_to_cart"}
        pairs = (pair for pair in super().events_with_rows() if not (lines and pair[0].name == "add_to_cart"))
        return deque(pairs, maxlen=self._most)

    def _timed(self, refused: Counter[str]) -> Iterator[TimedRow]:
        return (row for row in super()._timed(refused) if epoch_ms(row.at) < self._before_ms)


def known_part(file: EventFile, *, last: float | None, most: int, watch: Watch) -> KnownPart:
    """Open what comes before a log's test part.

    Args:
        file: the log.
        last: share of its events that are the test part, as an evaluation has it; None where that is another file.
        most: events kept, the last ones.
        watch: told of the reading.

    Raises:
        RefusedError: nothing is left.
    """
    before_ms = FOREVER_MS if last is None else _begin_ms(file, last, watch)
    part = KnownPart(file, before_ms, most)
    watch.stage("reading", file.rows)
    if not part.rows:
        raise RefusedError(f"{file.path} has no events before its test part.")
    return part


def _begin_ms(file: EventFile, last: float, watch: Watch) -> int:
    """Say when the test part begins."""
    watch.stage("measuring", file.rows)
    times = array("q")
    for one in happenings(file):
        times.append(epoch_ms(one.event.at))
        if len(times) % 1000 == 0:
            watch.reached(file.taken)
    at = round(len(times) * (1 - last))
    return times[at] if at < len(times) else FOREVER_MS
