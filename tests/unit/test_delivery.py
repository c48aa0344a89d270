"""The order in which a batch is written, and what happens when it cannot be."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from schemas.errors import DecodeError, RefusedError, RetryError
from schemas.topics import CHANGELOG, EVENTS_DEAD, SLATES, Topics
from streams.deaths import Deaths, InWork, WorkMarker, read_marker
from streams.delivery import DeadLetterLimit, Delivery, LostPartitionsError
from streams.flow import LogRecord, Out, Outcome
from streams.ownership import owner_of
from streams.partitions import WATERMARK_KEY, PartitionState, Watermark
from streams.writer import Row, Rows


class EchoAgent:
    """One slate and one touched visitor a record, or a dead letter; remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.refuses = False
        self.keyless = b""

    def handle(self, records: Sequence[LogRecord], part: PartitionState) -> Outcome:
        """Answer every record."""
        self.calls.append([record.offset for record in records])
        outcome = Outcome()
        for record in records:
            part.mark = record.offset
            if self.refuses:
                outcome.outputs.append(Out(EVENTS_DEAD, record.partition, record.key, b"letter", record.offset))
                continue
            outcome.outputs.append(Out(SLATES, record.partition, record.key, b"slate", record.offset, "home"))
            outcome.touched[record.key or self.keyless] = b'{"applied":%d}' % record.offset
        return outcome


class MemoryWriter:
    """Keeps what is written, in order; can be told to wait."""

    def __init__(self) -> None:
        self.writes: list[dict[tuple[str, int], list[Row]]] = []
        self.ends: dict[tuple[str, int], int] = {}
        self.hold = asyncio.Event()
        self.hold.set()

    async def start(self) -> None:
        """Nothing to connect."""

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Keep the rows."""
        if any(topic == CHANGELOG for topic, _ in rows):
            await self.hold.wait()
        self.writes.append({to: list(some) for to, some in rows.items()})
        for to, some in rows.items():
            self.ends[to] = self.ends.get(to, 0) + len(some)
        return {to: self.ends[to] for to in rows}

    async def stop(self) -> None:
        """Nothing to disconnect."""


class MemoryBatch:
    """A batch of partition 0."""

    def __init__(self, *offsets: int, owned: bool = True) -> None:
        self.records = {0: [LogRecord(0, offset, 0, b"v", b"{}") for offset in offsets]}
        self.acked = self.released = self.moving = False
        self._owned = owned

    def owned(self) -> bool:
        """Tell what the test says."""
        return self._owned

    def leaving(self) -> bool:
        """Tell what the test says."""
        return self.moving

    def ack(self) -> None:
        """Remember."""
        self.acked = True

    def release(self) -> None:
        """Remember."""
        self.released = True


class Desk:
    """A delivery with everything in memory."""

    def __init__(self, folder: Path, deaths: Deaths | None = None, *, log_start: int = 0, limit: float = 0.5) -> None:
        self.agent = EchoAgent()
        self.writer = MemoryWriter()
        self.crashes: list[BaseException] = []
        self.marker = folder / "in-work"

        def refuse(record: LogRecord, error: DecodeError, *, attempts: int) -> Out:
            return Out(EVENTS_DEAD, record.partition, record.key, f"{error.reason} {attempts}".encode(), record.offset)

        async def start(_partition: int) -> int:
            return log_start

        self.delivery = Delivery(
            self.agent,
            self.writer,
            state_writer=self.writer,
            topics=Topics(),
            refuse=refuse,
            limit=DeadLetterLimit(limit, topic=EVENTS_DEAD),
            deaths=deaths or Deaths(),
            marker=WorkMarker(self.marker),
            alive=lambda: None,
            owner=lambda key: int(key.startswith(b"elsewhere")),
            log_start=start,
            crash=self.crashes.append,
        )
        self.delivery.states = {0: PartitionState(0)}

    async def work(self, *batches: MemoryBatch) -> None:
        """Work batches through to the end."""
        for batch in batches:
            await self.delivery.work(batch)
        await self.delivery.settle()

    def restore(self) -> None:
        """Begin a new life with the states as they are."""
        self.delivery.states = {p: replace(one, delivered=-1) for p, one in self.delivery.states.items()}

    def topics(self) -> list[str]:
        """Name the topics in the order they were written."""
        return [topic for write in self.writer.writes for topic, _ in write]


Act = Callable[[Path], Coroutine[Any, Any, None]]


def run(folder: Path, act: Act) -> None:
    """Run a test's coroutine."""
    asyncio.run(act(folder))


def test_slates_then_state_then_ack(tmp_path: Path) -> None:
    """Slates first, then visitors with the watermark last, naming the output's end; then the input is acknowledged."""

    async def act(folder: Path) -> None:
        desk, batch = Desk(folder), MemoryBatch(0, 1, 2)
        await desk.work(batch)
        assert desk.topics() == [SLATES, CHANGELOG]
        rows = desk.writer.writes[1][CHANGELOG, 0]
        assert [row.key for row in rows] == [b"v", WATERMARK_KEY]
        assert Watermark.decode(rows[-1].value or b"") == Watermark(2, 3)
        assert batch.acked
        assert read_marker(desk.marker) is None

    run(tmp_path, act)


def test_what_was_overtaken_is_written_again_once(tmp_path: Path) -> None:
    """With the first batch, ahead of the watermark: the newest state, or a tombstone for who is forgotten."""

    async def act(folder: Path) -> None:
        desk = Desk(folder)
        state = PartitionState(0, visitors={b"v": b"old", b"w": b"newest"}, overtaken={b"v", b"w", b"gone"})
        desk.delivery.states = {0: state}
        await desk.work(MemoryBatch(7))
        await desk.work(MemoryBatch(8))
        first, second = (write[CHANGELOG, 0] for write in desk.writer.writes if (CHANGELOG, 0) in write)
        assert {row.key: row.value for row in first[:-1]} == {b"v": b'{"applied":7}', b"w": b"newest", b"gone": None}
        assert [row.key for row in second] == [b"v", WATERMARK_KEY]

    run(tmp_path, act)


def test_next_batches_overlap_the_state_of_the_last(tmp_path: Path) -> None:
    """Slates never wait for state: what comes while one is written goes together into the next write."""

    async def act(folder: Path) -> None:
        desk, batches = Desk(folder), [MemoryBatch(0), MemoryBatch(1), MemoryBatch(2)]
        desk.writer.hold.clear()
        for batch in batches:
            await desk.delivery.work(batch)
            await asyncio.sleep(0)
        assert desk.topics() == [SLATES] * 3
        assert not any(batch.acked for batch in batches)
        desk.writer.hold.set()
        await desk.delivery.settle()
        assert desk.topics() == [SLATES] * 3 + [CHANGELOG] * 2
        assert [row.key for row in desk.writer.writes[-1][CHANGELOG, 0]] == [b"v", WATERMARK_KEY]
        assert Watermark.decode(desk.writer.writes[-1][CHANGELOG, 0][-1].value or b"") == Watermark(2, 3)
        assert all(batch.acked for batch in batches)

    run(tmp_path, act)


def test_applied_records_are_skipped(tmp_path: Path) -> None:
    """What is at or below the mark is acknowledged and neither handled nor answered again."""

    async def act(folder: Path) -> None:
        desk, again = Desk(folder), MemoryBatch(0, 1)
        await desk.work(MemoryBatch(0, 1, 2))
        desk.restore()
        await desk.work(again)
        desk.restore()
        await desk.work(MemoryBatch(1, 2, 3))
        assert desk.agent.calls == [[0, 1, 2], [3]]
        assert again.acked

    run(tmp_path, act)


def test_lost_partitions(tmp_path: Path) -> None:
    """Nothing is written once the partitions are someone else's."""

    async def act(folder: Path) -> None:
        desk = Desk(folder)
        with pytest.raises(LostPartitionsError):
            await desk.work(MemoryBatch(0, owned=False))
        assert desk.writer.writes == []

    run(tmp_path, act)


def test_failed_state_crashes(tmp_path: Path) -> None:
    """A state that cannot be written ends the process at once, not at the next batch."""

    async def act(folder: Path) -> None:
        desk, batch = Desk(folder), MemoryBatch(0)
        await desk.delivery.work(batch)
        batch._owned = False
        with pytest.raises(LostPartitionsError):
            await desk.delivery.settle()
        await asyncio.sleep(0)
        assert len(desk.crashes) == 1
        assert not batch.acked

    run(tmp_path, act)


def test_suspects_go_alone_and_the_convicted_is_skipped(tmp_path: Path) -> None:
    """Records of a stretch with two deaths are worked through one by one; a convicted one becomes a dead letter."""

    async def act(folder: Path) -> None:
        deaths = Deaths().after(InWork(0, 1, 4)).after(InWork(0, 1, 4)).after(InWork(0, 2, 3))
        desk, batch = Desk(folder, deaths), MemoryBatch(0, 1, 2, 3, 4, 5, 6)
        await desk.work(batch)
        assert desk.agent.calls == [[0, 1], [2], [4], [5, 6]]
        (dead,) = [rows for write in desk.writer.writes for to, rows in write.items() if to[0] == EVENTS_DEAD]
        assert dead == [Row(b"v", b"handler 3")]
        assert batch.acked

    run(tmp_path, act)


def test_accepting_a_gap_acquits_the_convicted(tmp_path: Path) -> None:
    """A source that was created anew has other records at the offsets that killed the worker: they are handled."""

    async def act(folder: Path) -> None:
        deaths = Deaths().after(InWork(0, 1, 4)).after(InWork(0, 1, 4)).after(InWork(0, 2, 3))
        desk = Desk(folder, deaths)
        desk.delivery.states = {0: PartitionState(0, epoch=1, topic_id="new")}
        await desk.delivery.accept(desk.delivery.states)
        assert desk.writer.writes == [
            {(CHANGELOG, 0): [Row(WATERMARK_KEY, Watermark(-1, 0, 1, "new").encode())]},
        ]
        await desk.work(MemoryBatch(0, 1, 2, 3, 4))
        assert desk.agent.calls == [[0, 1, 2, 3, 4]]

    run(tmp_path, act)


@pytest.mark.parametrize(("log_start", "refused"), [(0, False), (5, True)])
def test_gaps(tmp_path: Path, log_start: int, refused: bool) -> None:  # noqa: FBT001
    """Offsets missing at the log's start are refused; those of a producer's transactions are nothing."""

    async def act(folder: Path) -> None:
        desk = Desk(folder, log_start=log_start)
        await desk.work(MemoryBatch(0, 1))
        if refused:
            with pytest.raises(RefusedError, match="--accept-gap"):
                await desk.work(MemoryBatch(5, 6))
        else:
            await desk.work(MemoryBatch(5, 6))
            assert desk.agent.calls[-1] == [5, 6]

    run(tmp_path, act)


def test_dead_letter_limit() -> None:
    """Some refused records are life; more than the share among the last 1,000 stops the worker with a sentence."""
    limit = DeadLetterLimit(0.5, topic=EVENTS_DEAD)
    for _ in range(50):
        limit.add(100, 40)
        limit.check()
    limit.add(1000, 900)
    with pytest.raises(RefusedError, match=r"AISLE_DEAD_LETTER_LIMIT.*topic clickstream\.events\.dead"):
        limit.check()


def test_letters_are_written_before_their_number_stops_the_worker(tmp_path: Path) -> None:
    """The operator finds them on the topic, and a start with a higher limit goes on behind them."""

    async def act(folder: Path) -> None:
        desk, batch = Desk(folder), MemoryBatch(*range(1000))
        desk.agent.refuses = True
        with pytest.raises(RefusedError):
            await desk.work(batch)
        letters = [row for write in desk.writer.writes for row in write.get((EVENTS_DEAD, 0), ())]
        assert len(letters) == 1000
        assert desk.topics()[-1] == CHANGELOG
        assert Watermark.decode(desk.writer.writes[-1][CHANGELOG, 0][-1].value or b"").mark == 999

    run(tmp_path, act)


def test_only_the_last_piece_acknowledges(tmp_path: Path) -> None:
    """Sixty records are more than one piece; until all their state is written nothing is acknowledged."""

    async def act(folder: Path) -> None:
        desk, batch = Desk(folder), MemoryBatch(*range(60))
        before = []
        write = desk.writer.write

        async def watched(rows: Any) -> Any:
            before.append(batch.acked)
            return await write(rows)

        desk.writer.write = watched
        await desk.work(batch)
        assert len(before) > 2
        assert not any(before)
        assert batch.acked
        assert not batch.released

    run(tmp_path, act)


def test_a_rebalance_does_not_wait_for_a_long_batch(tmp_path: Path) -> None:
    """The piece in work is finished and durable; the rest is let go unacknowledged, for whoever owns it next."""

    async def act(folder: Path) -> None:
        desk, batch = Desk(folder), MemoryBatch(*range(60))
        batch.moving = True
        await desk.work(batch)
        assert (batch.acked, batch.released) == (False, True)
        mark = Watermark.decode(desk.writer.writes[-1][CHANGELOG, 0][-1].value or b"").mark
        assert 0 <= mark < 59
        again = MemoryBatch(*range(60))
        desk.restore()
        await desk.work(again)
        slates = [row for write in desk.writer.writes for row in write.get((SLATES, 0), ())]
        assert again.acked
        assert len(slates) == 60

    run(tmp_path, act)


def test_partitions_lost_between_two_pieces(tmp_path: Path) -> None:
    """Nothing more is applied or written."""

    async def act(folder: Path) -> None:
        desk, batch = Desk(folder), MemoryBatch(*range(60))
        write = desk.writer.write

        async def losing(rows: Any) -> Any:
            batch._owned = False
            return await write(rows)

        desk.writer.write = losing
        with pytest.raises(LostPartitionsError):
            await desk.work(batch)
        assert len(desk.writer.writes) == 1
        assert not batch.acked

    run(tmp_path, act)


def test_each_foreign_record_is_counted(tmp_path: Path) -> None:
    """By its key, anywhere in a batch; one without a key by its visitor."""

    async def act(folder: Path) -> None:
        desk = Desk(folder)
        keys = [b"v", b"elsewhere", b"v", b"elsewhere", None]
        batch = MemoryBatch(*range(5))
        batch.records = {0: [LogRecord(0, offset, 0, key, b"{}") for offset, key in enumerate(keys)]}
        desk.agent.keyless = b"elsewhere too"
        await desk.work(batch)

    before = foreign()
    run(tmp_path, act)
    assert foreign() - before == 3


def foreign() -> float:
    """Read the counter."""
    return REGISTRY.get_sample_value("aisle_foreign_keys_total") or 0.0


def test_keys_are_hashed_once() -> None:
    """Hashing is dear; a key that is too long for any visitor is not hashed at all."""
    hashed: list[bytes] = []

    def partition_of(key: bytes, partitions: int) -> int:
        hashed.append(key)
        return len(key) % partitions

    owner = owner_of(partition_of, 8)

    assert [owner(key) for key in (b"abc", b"abc", b"x" * 513, b"x" * 512)] == [3, 3, -1, 0]
    assert hashed == [b"abc", b"x" * 512]


def test_a_log_that_goes_back_is_looked_at_again(tmp_path: Path) -> None:
    """Offsets that were delivered before are not skipped as replays: the topic may be a new one of the same name."""

    async def act(folder: Path) -> None:
        desk = Desk(folder)
        await desk.work(MemoryBatch(0, 1, 2))
        with pytest.raises(RetryError, match="offset 1 came after 2"):
            await desk.delivery.work(MemoryBatch(1, 2, 3))
        assert desk.agent.calls == [[0, 1, 2]]

    run(tmp_path, act)
