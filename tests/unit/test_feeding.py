"""Feeding a catalogue in lock-step, without a broker."""

from collections.abc import Callable

import pytest

from schemas.products import Product
from schemas.topics import TopicName
from streams.runs.feeding import AHEAD, AHEAD_BYTES, feed


class Log:
    """Keeps what is written; its reader takes a few records whenever it is looked at."""

    def __init__(self, step: int) -> None:
        self.sizes: list[int] = []
        self.read = 0
        self.most = self.most_bytes = 0
        self._step = step

    def write(self, topic: TopicName, key: bytes, value: bytes | None, *, origin: str | None = None) -> None:
        """Keep a record's size."""
        self.sizes.append(len(value or b""))
        unread = self.sizes[self.read :]
        self.most, self.most_bytes = max(self.most, len(unread)), max(self.most_bytes, sum(unread))

    def flush(self) -> None:
        """Nothing is held back."""

    def applied(self) -> int:
        """Read on."""
        self.read = min(len(self.sizes), self.read + self._step)
        return self.read


def products(count: int, description: str = "") -> list[Product]:
    """Make a catalogue."""
    return [Product(product_id=f"p{n}", title="Mug", description=description or None) for n in range(count)]


@pytest.mark.parametrize("step", [1, 100, 10_000])
def test_never_far_ahead(step: int) -> None:
    """However fast the reader is, few products are unread; in the end it has them all."""
    log = Log(step)
    feed(products(1000), log, log.applied)
    assert log.read == len(log.sizes) == 1000
    assert log.most <= AHEAD


def test_long_descriptions_count() -> None:
    """Bytes fill a partition, not records."""
    log = Log(3)
    feed(products(200, "x" * 8000), log, log.applied)
    assert log.read == 200
    assert log.most_bytes < AHEAD_BYTES + 10_000


@pytest.mark.parametrize("applied", [lambda: 5, lambda: 10_000])
def test_more_than_was_sent_is_enough(applied: Callable[[], int]) -> None:
    """A worker that started again may count a record twice."""
    log = Log(0)
    feed(products(5), log, applied)
    assert len(log.sizes) == 5


def test_an_empty_catalogue_waits_for_nobody() -> None:
    """There may be nothing to hand over."""
    feed([], Log(0), lambda: 0)
