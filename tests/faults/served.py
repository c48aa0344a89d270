"""How far slates have come, by partition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from streams.flow import LogRecord


@dataclass
class Served:
    """The greatest source offset that was answered, by partition."""

    _offsets: dict[int, int] = field(default_factory=dict)

    def take(self, records: Sequence[LogRecord]) -> None:
        """Take slates."""
        for record in records:
            offset = int(orjson.loads(record.value or b"")["cause"]["offset"])
            self._offsets[record.partition] = max(offset, self._offsets.get(record.partition, -1))

    def any_beyond(self, bar: Mapping[int, int]) -> bool:
        """Tell whether an event at or behind the bar was answered; partitions without a bar start at 0."""
        return any(offset >= bar.get(p, 0) for p, offset in self._offsets.items())

    def all_beyond(self, bar: Mapping[int, int]) -> bool:
        """Tell whether one of each partition was."""
        return all(self._offsets.get(p, -1) >= end for p, end in bar.items())
