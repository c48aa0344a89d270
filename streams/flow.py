"""What passes between a log and the agents, whether the log is Kafka or a list in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from schemas.topics import TopicName


class LogRecord(NamedTuple):
    """One record as it stands in a log; `timestamp_ms` is its arrival (any int64, where the topic lets producers say).

    A header's value may be null.
    """

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Parsed(Protocol):
    """A record as the parser made it, or any other; which partition it is of is known beside it."""

    @property
    def offset(self) -> int:
        """Give its place in the log."""

    @property
    def key(self) -> bytes | None:
        """Give its key."""

    @property
    def value(self) -> bytes | None:
        """Give its value; None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Give its headers in order."""


class Out(NamedTuple):
    """One record to be written because of one source record.

    `placement` is set for slates of revision 0: with `source_offset` it names what a restore must not send again.
    """

    topic: TopicName
    partition: int
    key: bytes | None
    value: bytes | None
    source_offset: int
    placement: str = ""


@dataclass(slots=True)
class Outcome:
    """What a batch of one partition came to.

    `touched` is the encoded state of every visitor that changed (None: a tombstone); `entries` are the partition's own.
    """

    outputs: list[Out] = field(default_factory=list)
    touched: dict[bytes, bytes | None] = field(default_factory=dict)
    entries: dict[bytes, bytes | None] = field(default_factory=dict)


class Fold(Protocol):
    """A state that is a function of one log, built record by record in each partition's order."""

    topic: TopicName

    def apply(self, record: LogRecord) -> None:
        """Take the next record; never raises for bad bytes, which are counted and skipped (all workers alike)."""

    def positions(self) -> Mapping[int, int]:
        """Give the last offset applied by partition; partitions never seen are absent."""
