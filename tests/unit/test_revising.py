"""Revisions on their way to the log: beside the batches, of our own partitions, and nothing when in doubt."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from schemas.topics import EVIDENCE, SLATES, Topics
from streams.flow import Out
from streams.revising import Revising
from streams.writer import AiokafkaWriter, Row, Rows


class Portions:
    """Gives portion after portion, then nothing."""

    def __init__(self, *portions: Sequence[Out]) -> None:
        self.left = list(portions)
        self.dropped = False

    def revise(self) -> Sequence[Out] | None:
        """Give the next portion."""
        return self.left.pop(0) if self.left else None

    def drop(self) -> None:
        """Forget the rest."""
        self.left, self.dropped = [], True


class Written:
    """Keeps what is written; waits where it is told to."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, bytes | None]] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.fails = False

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Keep, or fail."""
        await self.goes_on.wait()
        if self.fails:
            raise ConnectionError
        self.rows += [(name, partition, row.value) for (name, partition), some in rows.items() for row in some]
        return {}


class PausedError(Exception):
    """The process was paused for too long."""


def out(partition: int, value: bytes) -> Out:
    """Make one output."""
    return Out(SLATES if value != b"e" else EVIDENCE, partition, b"v", value, 7)


def revising(portions: Portions | None, writer: Written, alive: Callable[[], None] = lambda: None) -> Revising:
    """Make the task of a worker that owns partition 1."""
    return Revising(portions, writer, topics=Topics(prefix="x."), owned=lambda: {1}, alive=alive)


async def until(task: asyncio.Task[None], done: Callable[[], bool]) -> None:
    """Let the task go on until something is so, or it has ended."""
    async with asyncio.timeout(2):
        while not done() and not task.done():  # noqa: ASYNC110  whatever it waits for
            await asyncio.sleep(0)


def test_what_is_due_is_written_when_something_was_heard() -> None:
    """Portion by portion; what became another worker's is dropped."""

    async def run() -> None:
        portions, writer = Portions([out(1, b"a"), out(1, b"e"), out(2, b"b")], [], [out(1, b"c")]), Written()
        one = revising(portions, writer)
        task = asyncio.create_task(one.run())
        await asyncio.sleep(0)
        assert writer.rows == []
        one.heard.set()
        await until(task, lambda: not portions.left)
        slates, evidence = "x." + SLATES, "x." + EVIDENCE
        assert writer.rows == [(slates, 1, b"a"), (evidence, 1, b"e"), (slates, 1, b"c")]
        task.cancel()

    asyncio.run(run())


@pytest.mark.parametrize("what", ["watchdog", "writer", "reviser"])
def test_whatever_goes_wrong_ends_the_worker_and_writes_nothing(what: str) -> None:
    """A task that ends with an exception is what a worker leaves on."""

    def paused() -> None:
        raise PausedError

    async def run() -> None:
        portions, writer = Portions([out(1, b"a")], [out(1, b"b")]), Written()
        writer.fails = what == "writer"
        if what == "reviser":
            portions.revise = lambda: 1 / 0  # type: ignore[assignment,method-assign,return-value]
        one = revising(portions, writer, paused if what == "watchdog" else lambda: None)
        task = asyncio.create_task(one.run())
        one.heard.set()
        await until(task, lambda: False)
        expected = {"watchdog": PausedError, "writer": ConnectionError, "reviser": ZeroDivisionError}[what]
        assert isinstance(task.exception(), expected)
        assert writer.rows == []

    asyncio.run(run())


def test_closing_waits_for_what_is_on_its_way_and_writes_nothing_more() -> None:
    """A worker that is told to stop closes its producer next."""

    async def run() -> None:
        portions, writer = Portions([out(1, b"a")], [out(1, b"b")]), Written()
        writer.goes_on.clear()
        one = revising(portions, writer)
        task = asyncio.create_task(one.run())
        one.heard.set()
        await until(task, lambda: len(portions.left) == 1)
        closing = asyncio.create_task(one.close())
        await asyncio.sleep(0)
        assert not closing.done()
        writer.goes_on.set()
        await closing
        one.heard.set()
        await asyncio.sleep(0.01)
        assert [value for _, _, value in writer.rows] == [b"a"]
        task.cancel()

    asyncio.run(run())


def test_lost_partitions_are_passed_on_and_a_job_without_revisions_has_none() -> None:
    """The reviser forgets; where there is none, nothing happens."""

    async def run() -> None:
        portions = Portions([out(1, b"a")])
        revising(portions, Written()).drop()
        assert portions.dropped
        one = revising(None, Written())
        one.drop()
        task = asyncio.create_task(one.run())
        one.heard.set()
        await until(task, lambda: not one.heard.is_set())
        assert not task.done()
        task.cancel()

    asyncio.run(run())


class Producer:
    """A producer whose first topic is slow to take anything."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.goes_on = asyncio.Event()

    def create_batch(self) -> "Batch":
        """Begin a batch."""
        return Batch()

    async def send_batch(self, batch: "Batch", topic: str, *, partition: int) -> "asyncio.Future[Acked]":
        """Take a batch, in the end."""
        if topic == "slow":
            await self.goes_on.wait()
        self.taken += [(topic, value) for value in batch.values]
        acked: asyncio.Future[Acked] = asyncio.get_running_loop().create_future()
        acked.set_result(Acked(partition))
        return acked


class Acked:
    """Where a record stands."""

    def __init__(self, offset: int) -> None:
        self.offset = offset


class Batch:
    """Values to send."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, value: bytes, **_more: object) -> object:
        """Add one."""
        self.values.append(value)
        return self

    def close(self) -> None:
        """Seal."""

    def record_count(self) -> int:
        """Count."""
        return len(self.values)


def test_a_revision_never_stands_before_its_slate() -> None:
    """Two tasks write through one producer: the batch that was handed over first is in the log first."""

    async def run() -> None:
        writer, producer = AiokafkaWriter({}), Producer()
        writer._producer = producer
        batch = writer.write({("slow", 0): [Row(b"v", b"step")], ("slates", 0): [Row(b"v", b"revision 0")]})
        first = asyncio.create_task(batch)
        await asyncio.sleep(0)
        second = asyncio.create_task(writer.write({("slates", 0): [Row(b"v", b"revision 1")]}))
        await asyncio.sleep(0)
        producer.goes_on.set()
        await asyncio.gather(first, second)
        assert [value for topic, value in producer.taken if topic == "slates"] == [b"revision 0", b"revision 1"]

    asyncio.run(run())
