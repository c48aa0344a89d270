"""Work a batch through: apply, write what follows from it, write the state, acknowledge - in this order.

1. apply the records to the partitions' states, encode what changed;
2. write slates, evidence, dead letters and learning; wait for the broker;
3. write the touched visitors, then the watermark, last; wait for the broker;
4. acknowledge the input.

Never 2 and 3 of one batch together: the watermark could outlive the slates. Steps 1 and 2 of the next batches run
while 3 of this one is under way, which is safe: a restore finds what they wrote in the output's tail.
"""

import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from schemas.errors import DecodeError, RefusedError, RetryError
from schemas.topics import CHANGELOG, SLATES, Topics
from streams.deaths import Deaths, InWork, WorkMarker
from streams.flow import LogRecord, Out, Outcome
from streams.ownership import strangers
from streams.partitions import WATERMARK_KEY, PartitionState
from streams.pieces import Pace, Piece, pieces
from streams.state_log import StateLog, Work
from streams.telemetry import count, gauge, observe
from streams.writer import Row, Writer

MAX_OUTPUT_BYTES = 1_000_000
"""A larger record would be refused by the broker, after the batch was applied, for ever."""


class Agent(Protocol):
    """All logic, no Kafka."""

    def handle(self, records: Sequence[LogRecord], part: PartitionState) -> Outcome:
        """Apply records of one partition; moves `part.mark`, changes `part.visitors`."""


class Batch(Work, Protocol):
    """A batch with its records by partition, each in offset order."""

    records: dict[int, list[LogRecord]]

    def leaving(self) -> bool:
        """Tell whether partitions are about to move."""

    def release(self) -> None:
        """Let them move although the batch was not worked through."""


class LostPartitionsError(Exception):
    """The partitions were taken away in the middle of a batch: leave; what was written of it will be found again."""


class DeadLetterLimit:
    """Stop when most of what arrives is refused: then the fault is ours or a producer's, and lag is the lesser evil.

    Args:
        share: of dead letters among the last 1,000 records.
        topic: where the letters are, as the broker names it.
    """

    def __init__(self, share: float, *, topic: str) -> None:
        self._share = share
        self._topic = topic
        self._seen: deque[tuple[int, int]] = deque()
        self._total = self._dead = 0

    def add(self, records: int, dead: int) -> None:
        """Count a batch, or a part of one."""
        self._seen.append((records, dead))
        self._total, self._dead = self._total + records, self._dead + dead
        while self._total - self._seen[0][0] >= 1000:
            gone = self._seen.popleft()
            self._total, self._dead = self._total - gone[0], self._dead - gone[1]
        gauge("dead_letter_share", self._dead / max(1, self._total))

    @property
    def exceeded(self) -> bool:
        """Tell whether the share is exceeded."""
        return self._total >= 1000 and self._dead > self._share * self._total

    def check(self) -> None:
        """Stop if the share is exceeded; to be asked when the letters are written, so that there is what to look at.

        Raises:
            RefusedError: the share is exceeded.
        """
        if self.exceeded:
            raise RefusedError(
                f"{self._dead} of the last {self._total} records were refused, more than AISLE_DEAD_LETTER_LIMIT="
                f"{self._share} allows: `aisle dead list` says which and why (topic {self._topic}, metric "
                "aisle_dead_letters_total); mend the producer or raise the limit"
            )


class Delivery:
    """Work batches through, one after the other.

    Args:
        agent: decides.
        writer: writes what follows from events.
        state_writer: writes states.
        topics: names on the broker.
        refuse: makes the dead letter of a record that keeps killing the worker.
        limit: counts dead letters.
        deaths: which records are handled with care.
        marker: told what is being handled.
        alive: exits when the process was paused too long.
        owner: gives the partition a key belongs to.
        log_start: asks the broker where a partition's log starts.
        crash: ends the process when states cannot be written.
    """

    def __init__(
        self,
        agent: Agent,
        writer: Writer,
        *,
        state_writer: Writer,
        topics: Topics,
        refuse: Callable[..., Out],
        limit: DeadLetterLimit,
        deaths: Deaths,
        marker: WorkMarker,
        alive: Callable[[], None],
        owner: Callable[[bytes], int],
        log_start: Callable[[int], Awaitable[int]],
        crash: Callable[[BaseException], None],
    ) -> None:
        self._agent = agent
        self._writer = writer
        self._topics = topics
        self._refuse = refuse
        self._limit = limit
        self._deaths = deaths
        self._marker = marker
        self._alive = alive
        self._owner = owner
        self._log_start = log_start
        self._state_writer = state_writer
        self._state_log = StateLog(state_writer, check=self._check, crash=crash)
        self._pace = Pace()
        self.states: dict[int, PartitionState] = {}

    async def work(self, batch: Batch) -> None:
        """Take one batch through steps 1 and 2, and hand 3 and 4 over."""
        states = self.states
        fresh = {p: await self._fresh(states[p], records) for p, records in batch.records.items()}
        for piece in pieces(fresh, self._pace, suspect=self._deaths.careful):
            await self._piece(batch, piece, states)
            if not piece.last and batch.leaving():
                await self.settle()  # the next owner goes on behind this piece
                batch.release()
                return
        await self._state_log.room()
        count("batches")

    async def _piece(self, batch: Batch, piece: Piece, states: Mapping[int, PartitionState]) -> None:
        """Work a piece through; `states` are those the batch began with, should they be taken away meanwhile."""
        self._check(batch)
        began = time.perf_counter()
        outcomes = {p: self._apply(records, states[p]) for p, records in piece.records.items()}
        self._marker.clear()  # what comes now is not the records' fault
        applied = time.perf_counter()
        self._pace.took(sum(map(len, piece.records.values())), applied - began)
        await self._output(batch, outcomes, states)
        observe("batch_seconds", applied - began, step="apply")
        observe("batch_seconds", time.perf_counter() - applied, step="output")
        if piece.records:
            arrived_ms = min(records[0].timestamp_ms for records in piece.records.values())
            observe("answer_seconds", max(0.0, time.time() - arrived_ms / 1000))
        self._state_log.add(batch, self._state_rows(outcomes, states), last=piece.last)
        if piece.careful or self._limit.exceeded:
            await self.settle()  # a suspect or the end may be next: what was done must not be done again
        self._limit.check()  # now that the letters can be read

    async def settle(self) -> None:
        """Wait for steps 3 and 4 of all batches."""
        await self._state_log.settle()

    async def accept(self, states: Mapping[int, PartitionState]) -> None:
        """Make states durable as they stand: an operator accepted that they do not meet the source."""
        self._deaths = self._deaths.without(states)
        name = self._topics[CHANGELOG]
        await self._state_writer.write(
            {(name, p): [Row(WATERMARK_KEY, s.watermark().encode())] for p, s in states.items()}
        )

    async def _fresh(self, state: PartitionState, records: list[LogRecord]) -> list[LogRecord]:
        if records[0].offset <= state.delivered:  # only a consumer whose position is gone from the log does that
            raise RetryError(
                f"partition {state.partition}: offset {records[0].offset} came after {state.delivered}; starting again "
                "to see whether the topic was created anew"
            )
        mark, state.delivered = state.mark, records[-1].offset
        fresh = records if records[0].offset > mark else [record for record in records if record.offset > mark]
        if not fresh or mark < 0 or fresh[-1].offset - mark == len(fresh):
            return fresh
        start = await self._log_start(state.partition)
        if start > mark + 1:  # else the missing offsets are the marks of a producer's transactions
            raise RefusedError(
                f"partition {state.partition}: offset {mark + 1} is wanted next, but the log was cut and starts at "
                f"{start}; accept what is missing with: aisle worker clicks --accept-gap"
            )
        return fresh

    def _apply(self, records: list[LogRecord], state: PartitionState) -> Outcome:
        last = records[-1].offset
        if len(records) == 1 and self._deaths.skipped(state.partition, last):
            error = DecodeError("handler", "the worker died on this record three times")
            count("dead_letters", reason="handler")
            outcome = Outcome([self._refuse(records[0], error, attempts=3)])
        else:
            self._marker.set(InWork(state.partition, records[0].offset - 1, last))
            outcome = self._agent.handle(records, state)
        state.mark = last
        for out in outcome.outputs:
            if len(out.value or b"") > MAX_OUTPUT_BYTES:
                raise ValueError(f"record {out.source_offset} makes {len(out.value or b'')} bytes for {out.topic}")
        self._limit.add(len(records), sum(out.topic.endswith(".dead") for out in outcome.outputs))
        alive = [key for key, data in outcome.touched.items() if data is not None]  # without whom the sweep freed
        if foreign := strangers(records, alive, partition=state.partition, owner=self._owner):
            count("foreign_keys", foreign)
        return outcome

    async def _output(
        self, batch: Batch, outcomes: Mapping[int, Outcome], states: Mapping[int, PartitionState]
    ) -> None:
        rows: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        for outcome in outcomes.values():
            for out in outcome.outputs:
                rows[self._topics[out.topic], out.partition].append(Row(out.key, out.value))
        self._check(batch)
        ends = await self._writer.write(rows)
        for partition in outcomes:
            state = states[partition]
            state.out_end = ends.get((self._topics[SLATES], partition), state.out_end)

    def _state_rows(
        self, outcomes: Mapping[int, Outcome], states: Mapping[int, PartitionState]
    ) -> dict[tuple[str, int], list[Row]]:
        rows = {}
        for partition, outcome in outcomes.items():
            state = states[partition]
            again = {key: state.visitors.get(key) for key in state.overtaken}
            state.overtaken.clear()
            changed = again | outcome.touched | outcome.entries
            touched = [Row(key, value, state.headers(value)) for key, value in changed.items()]
            watermark = Row(WATERMARK_KEY, state.watermark().encode())
            rows[self._topics[CHANGELOG], partition] = [*touched, watermark]
        return rows

    def _check(self, batch: Work) -> None:
        self._alive()
        if not batch.owned():
            raise LostPartitionsError
