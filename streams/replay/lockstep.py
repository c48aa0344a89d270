"""The clicks agent in lock-step: each event is learned from before the next one is looked at, whatever the partition.

So equal records in equal order give equal slates, steps and states, to the byte.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from models.training import RowBudget
from schemas.errors import DecodeError
from schemas.events import Event
from schemas.record import nearest_time
from schemas.topics import LEARNING
from streams.clicks import ClicksAgent, refused
from streams.deciding import ClicksRules
from streams.erased import Erased
from streams.flow import LogRecord, Out, Outcome
from streams.partitions import PartitionState
from streams.replay.taking import erases, read
from streams.world import World

log = logging.getLogger(__name__)

MOST_FAILED = 10
"""Records that may fail in a replay; beyond, the fault is not the records'."""

Keep = Callable[[Event], bool]


class ArrivalBudget(RowBudget):
    """Training rows for the first records of each second of arrival.

    A worker counts the rows it made. That could not be counted again from the log alone, and a replay that was killed
    must go on as if it had not been.

    >>> budget = ArrivalBudget(per_s=1)
    >>> budget.arrive(0), budget.take(0), budget.arrive(900), budget.take(900)
    (None, True, None, False)
    """

    def __init__(self, per_s: int, *, second: int = -1, in_second: int = 0) -> None:
        super().__init__(per_s)
        self._most = per_s
        self.second = second
        self.in_second = in_second

    def arrive(self, at_ms: int) -> None:
        """Count a record, whatever becomes of it."""
        if at_ms // 1000 != self.second:
            self.second, self.in_second = at_ms // 1000, 0
        self.in_second += 1

    def take(self, at_ms: int) -> bool:
        """Tell whether the record that arrived last may have a row."""
        del at_ms
        return self.in_second <= self._most


@dataclass(slots=True)
class Worked:
    """What a piece came to: outputs in order, each with the arrival of its cause, and the visitors it changed."""

    outputs: list[tuple[Out, int]] = field(default_factory=list)
    touched: dict[int, dict[bytes, bytes | None]] = field(default_factory=dict)


class LockStep:
    """Work records through, one after the other.

    Args:
        world: the folds; only its model moves.
        rules: constants; without placements nothing is decided.
        parts: states by partition, changed in place.
        budget: allows training rows.
        erased: who is left out.
        keep: which events are taken; all where absent.
        next_step: offset of the next learning step, as the model counts.
    """

    def __init__(
        self,
        world: World,
        rules: ClicksRules,
        parts: Mapping[int, PartitionState],
        *,
        budget: ArrivalBudget,
        erased: Erased,
        keep: Keep | None = None,
        next_step: int = 0,
    ) -> None:
        self._world = world
        self.parts = parts
        self.budget = budget
        self._erased = erased
        self._keep = keep
        self.next_step = next_step
        self.counts: Counter[str] = Counter()
        self._now = nearest_time(0)
        self._agent = ClicksAgent(world, rules, clock=lambda: self._now, rows=budget)

    def work(self, records: Sequence[LogRecord], *, learn: bool = True) -> Worked:
        """Work the next records through.

        Args:
            records: in the order that counts.
            learn: False where their steps stand in the log already and are learned from there.
        """
        worked = Worked()
        for record in records:
            self._one(record, worked, learn=learn)
        return worked

    def learn(self, value: bytes | None, *, arrived_ms: int) -> None:
        """Learn the next step of the replay's own log."""
        self._world.learning.apply(LogRecord(0, self.next_step, arrived_ms, None, value))
        self.next_step += 1

    def _one(self, record: LogRecord, worked: Worked, *, learn: bool) -> None:
        part = self.parts[record.partition]
        self.budget.arrive(record.timestamp_ms)
        why_not = self._left_out(record)
        self.counts[why_not or "events"] += 1
        if why_not:
            part.mark = record.offset
            return
        self._now = nearest_time(record.timestamp_ms)
        outcome = self._handle(record, part)
        for out in outcome.outputs:
            worked.outputs.append((out, record.timestamp_ms))
            if out.topic == LEARNING and learn:
                self.learn(out.value, arrived_ms=record.timestamp_ms)
        worked.touched.setdefault(record.partition, {}).update(outcome.touched | outcome.entries)

    def _handle(self, record: LogRecord, part: PartitionState) -> Outcome:
        """Do as workers come to do with a record that keeps killing them: a dead letter, and on."""
        try:
            return self._agent.handle((record,), part)
        except Exception as error:
            self.counts["failed"] += 1
            if self.counts["failed"] > MOST_FAILED:
                raise
            log.warning("a record cannot be handled", exc_info=error)
            part.mark = record.offset
            return Outcome([refused(record, DecodeError("handler", f"a replay failed on it: {type(error).__name__}"))])

    def _left_out(self, record: LogRecord) -> str:
        """Name why a record is not worked through, "" where it is."""
        if self._keep is None and not len(self._erased):
            return ""
        event = read(record)
        if event is None:
            return ""  # it is refused again, with its reason
        if erases(self._erased, event, record):
            return "erased"
        return "" if self._keep is None or self._keep(event) else "outside"
