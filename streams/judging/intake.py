"""From records of `judgements.requests` to keys that wait: what is old, unreadable or asked for by too few is left."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from models.intent import JudgementKey
from schemas.errors import DecodeError
from schemas.judgements import JudgementRequest, judgement_key
from schemas.record import epoch_ms
from schemas.topics import JUDGEMENT_REQUESTS
from streams.asking import REQUEST_PARTITIONS
from streams.flow import LogRecord
from streams.judging.keys import KeyCounts
from streams.judging.queue import NOBODY_WAITS, Queue, Wanted
from streams.kafka import partition_of
from streams.telemetry import count
from streams.unreadable import unreadable

OLD_MS: Final = 60_000
"""A request read so late is a backlog: who asked has long left, or asked again."""

LONGEST_S: Final = 60.0
"""No slate waits for longer (`judgement_deadline_ms`): retries go on, and others stand back, until then at most."""


class Intake:
    """Takes requests.

    Args:
        queue: where keys wait.
        counts: who asked for which key.
        has_table: says whether a key was judged before: then one visitor who asks is enough.
        clock: the time, which deadlines are told by.
        monotonic: what the queue goes by, in seconds.
    """

    def __init__(
        self,
        queue: Queue,
        counts: KeyCounts,
        *,
        has_table: Callable[[bytes], bool],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._counts = counts
        self._has_table = has_table
        self._clock = clock
        self._monotonic = monotonic

    def take(self, records: Sequence[LogRecord]) -> None:
        """Take requests, in each partition's order."""
        for record in records:
            try:
                request = _read(record)
            except DecodeError as error:
                unreadable(JUDGEMENT_REQUESTS, str(error), partition=record.partition, offset=record.offset)
                continue
            if epoch_ms(self._clock()) - record.timestamp_ms > OLD_MS:
                count("judge_shed", why="old")
            else:
                self._ask(request, record.partition)

    def put(self, wanted: Wanted) -> None:
        """Let a key wait; too many, and the one asked for longest ago goes."""
        if self._queue.put(wanted):
            count("judge_shed", why="full")

    def _ask(self, request: JudgementRequest, partition: int) -> None:
        now = self._monotonic()
        key = JudgementKey(request.segment, request.intent)
        name = key.encode()
        self._counts.asked(name, request.asker, now)
        if self._has_table(name) or self._counts.enough(name, now):
            deadline = now + self._left_s(request)
            self.put(Wanted(key, partition, request.product_ids, deadline, now))

    def _left_s(self, request: JudgementRequest) -> float:
        """Give how long a slate still waits; never longer than by its own clock, which may be ahead of ours."""
        if request.deadline_at is None:
            return NOBODY_WAITS
        left = min(request.deadline_at - self._clock(), request.deadline_at - request.at)
        return min(left.total_seconds(), LONGEST_S)


def _read(record: LogRecord) -> JudgementRequest:
    """Read a request that is where its key belongs: two workers would judge it otherwise."""
    request = JudgementRequest.decode(record.value)
    name = judgement_key(request.segment, request.intent)
    if (name, partition_of(name, REQUEST_PARTITIONS)) != (record.key, record.partition):
        raise DecodeError("schema", "the key or the partition is not this request's")
    return request
