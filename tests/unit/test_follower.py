"""Following a log: applied only when asked, never with a hole."""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence

import pytest
from aiokafka import TopicPartition

from schemas.errors import RefusedError
from schemas.topics import LEARNING, PRODUCTS, TopicName, Topics
from streams.flow import LogRecord
from streams.follower import Follower, _Chunk


class ListFold:
    """Keeps what it is given."""

    def __init__(self, topic: TopicName, start: int = -1) -> None:
        self.topic = topic
        self.offsets: list[int] = []
        self._positions = {0: start} if start >= 0 else {}

    def apply(self, record: LogRecord) -> None:
        """Keep a record's offset."""
        self.offsets.append(record.offset)

    def positions(self) -> dict[int, int]:
        """Give where it starts."""
        return self._positions


def follow(
    fold: ListFold, *chunks: Sequence[int], strict: bool, clock: Callable[[], float] = time.monotonic
) -> Follower:
    """Give a follower that has read chunks of partition 0."""
    follower = Follower(fold, client={}, topics=Topics(), strict=strict, clock=clock)

    async def read() -> None:
        for offsets in chunks:
            records = [LogRecord(0, offset, 0, b"k", b"v") for offset in offsets]
            await follower._put(_Chunk(0, records, offsets[-1] + 1))

    asyncio.run(read())
    return follower


def test_applied_when_asked() -> None:
    """What was read waits for `advance`; positions are those of what was applied."""
    fold = ListFold(LEARNING)
    follower = follow(fold, [0, 1], [2], strict=True)
    assert fold.offsets == []
    assert follower.positions() == {0: -1}
    assert follower.advance() == 3
    assert fold.offsets == [0, 1, 2]
    assert follower.positions() == {0: 2}
    assert not follower.news.is_set()


def test_an_advance_ends_in_time() -> None:
    """Steps that cost 20 ms each are applied three at a time, in the middle of a fetch too; no offset is off by one."""
    fold, seconds = ListFold(LEARNING), itertools.count(step=0.02)
    follower = follow(fold, range(5), range(5, 8), strict=True, clock=lambda: next(seconds))
    positions, waiting = [], []
    while follower.advance():
        positions.append(follower.positions()[0])
        waiting.append(follower.news.is_set())
    assert positions == [2, 4, 7]
    assert waiting == [True, True, False]
    assert fold.offsets == list(range(8))


def test_nothing_is_applied_while_held() -> None:
    """Somebody copies the fold; afterwards there is news, and it goes on where it was, without spinning meanwhile."""
    fold = ListFold(LEARNING)
    follower = follow(fold, [0, 1], strict=True)
    with follower.held():
        assert follower.advance() == 0
        assert not follower.news.is_set()
    assert follower.news.is_set()
    assert follower.advance() == 2


def test_goes_on_after_a_snapshot() -> None:
    """A fold that was loaded is given what comes after it."""
    fold = ListFold(LEARNING, start=9)
    follow(fold, [10, 11], strict=True).advance()
    assert fold.offsets == [10, 11]


@pytest.mark.parametrize("start", [-1, 3])
def test_holes_are_refused(start: int) -> None:
    """A missing record would be half a model: refused with both offsets."""
    follower = follow(ListFold(LEARNING, start), [start + 1, start + 5], strict=True)
    with pytest.raises(RefusedError, match=f"offset {start + 2} .* {start + 5}"):
        follower.advance()


class Consumer:
    """A log of partition 0 that had three records when it was opened, and grows."""

    def __init__(self) -> None:
        self.end = 3

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Leave."""

    def assign(self, tps: Sequence[TopicPartition]) -> None:
        """Take the partition."""
        self.tp = tps[0]

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read from an offset."""
        self.at = offset

    async def beginning_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Give the first offset."""
        return {self.tp: 0}

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Give one past the last offset."""
        return {self.tp: self.end}

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[object]]:
        """Grow, and bring nothing."""
        self.end += 1
        await asyncio.sleep(0.001)
        return {}

    def highwater(self, tp: TopicPartition) -> int:
        """Say where the log ends now."""
        return self.end

    async def position(self, tp: TopicPartition) -> int:
        """Say what is read next."""
        return self.at


def test_what_was_there_at_the_start_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is written afterwards is news."""
    consumer = Consumer()
    monkeypatch.setattr("streams.follower.assigned_consumer", lambda _client, **_more: consumer)
    monkeypatch.setattr("streams.follower.readable_end", lambda found, tp: found.highwater(tp))
    follower = Follower(ListFold(LEARNING), client={}, topics=Topics(), strict=True)

    async def read() -> None:
        reading = asyncio.create_task(follower.run())
        while not follower.lag() > 5:
            follower.advance()
            await asyncio.sleep(0.001)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    assert follower.began_at() is None
    asyncio.run(asyncio.wait_for(read(), 10))
    assert follower.began_at() == {0: 3}


def test_compacted_logs_have_holes() -> None:
    """In a compacted log a missing record was replaced by a later one."""
    fold = ListFold(PRODUCTS)
    follow(fold, [3, 9], strict=False).advance()
    assert fold.offsets == [3, 9]


@pytest.mark.parametrize(("start", "end", "strict"), [(4, 9, True), (0, 2, True), (0, 2, False)])
def test_a_log_that_was_cut_or_made_anew(start: int, end: int, strict: bool) -> None:  # noqa: FBT001
    """A log that starts after, or ends before, the position wanted is refused at the start."""
    follower = Follower(ListFold(LEARNING, 2), client={}, topics=Topics(), strict=strict)
    with pytest.raises(RefusedError):
        follower._check_start(0, start, end)
