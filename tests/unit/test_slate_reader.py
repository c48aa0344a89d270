"""The thread that reads slates, and the event loop that takes them."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import confluent_kafka
import pytest

from streams.gateway.slate_reader import UNDER_WAY, SlateReader

PATIENCE_S = 10


class Message:
    """A slate's record."""

    def error(self) -> None:
        """Be no error."""

    def partition(self) -> int:
        """Say where it stands."""
        return 0

    offset = partition

    def timestamp(self) -> tuple[int, int]:
        """Say when it was written."""
        return 1, 0

    def key(self) -> bytes:
        """Give the visitor."""
        return b"v"

    value = key


class Endless:
    """A consumer of a log that never ends."""

    def __init__(self, _config: dict[str, Any]) -> None:
        pass

    def assign(self, _partitions: Any) -> None:
        """Begin."""

    def poll(self, _timeout_s: float) -> Message:
        """Give the next record."""
        return Message()

    def consume(self, _count: int, _timeout_s: float) -> list[Message]:
        """Give no more at once."""
        return []

    def close(self) -> None:
        """End."""


class BusyLoop:
    """An event loop that has not come to what it was handed."""

    def __init__(self) -> None:
        self.handed: list[tuple[Any, ...]] = []
        self.came = threading.Event()

    def call_soon_threadsafe(self, *call: Any) -> None:
        """Note what is to be called."""
        self.handed.append(call)
        self.came.set()

    def turn(self) -> None:
        """Come to the oldest of it."""
        call: Callable[..., object]
        call, *given = self.handed.pop(0)
        call(*given)


class Room(threading.Semaphore):
    """Tells when somebody has to wait for it."""

    def __init__(self) -> None:
        super().__init__(UNDER_WAY)
        self.full = threading.Event()

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:  # noqa: FBT001, FBT002  as in threading
        """Take a place."""
        got = super().acquire(blocking, timeout)
        if not got:
            self.full.set()
        return got


@pytest.fixture
def loop() -> BusyLoop:
    """Give a loop that does nothing by itself."""
    return BusyLoop()


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch, loop: BusyLoop) -> Iterator[Room]:
    """Give the places of a reader that reads an endless log into the loop."""
    monkeypatch.setattr(confluent_kafka, "Consumer", Endless)
    reader = SlateReader({}, "recommendations", lambda *_: None, loop)  # type: ignore[arg-type]
    room = reader._room = Room()
    reader.begin({0: 0})
    yield room
    reader.close()


def test_a_busy_loop_is_not_handed_more_than_it_takes(loop: BusyLoop, room: Room) -> None:
    """What it has not come to would fill the memory; when it has taken one, the next comes."""
    assert room.full.wait(PATIENCE_S)
    assert len(loop.handed) == UNDER_WAY
    loop.came.clear()
    loop.turn()
    assert loop.came.wait(PATIENCE_S)
    assert len(loop.handed) == UNDER_WAY
