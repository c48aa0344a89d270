"""What a replay sets out to do, and how far it has come: two records beside the state it builds.

Both stand in partition 0 of its changelog, under keys that no visitor has, so that whoever starts the same command
again, on whatever machine, goes on where it stopped.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

import orjson

from schemas.topics import TopicName
from streams.replay.merging import UNTIMED, Placed, partitions_of

PLAN_KEY = b"\0plan"
CHECKPOINT_KEY = b"\0checkpoint"

PIECE_RECORDS = 256
"""Worked through between two writes: half a second of deciding."""

Order = Literal["arrival", "event"]
Offsets = Mapping[int, int]


@dataclass(frozen=True)
class Plan:
    """What is replayed, fixed when it begins.

    Args:
        asked: what the command was given, to be compared when it is given again.
        order: by which time partitions are merged.
        starts: first offset of each partition of `clickstream.events`.
        ends: one past the last.
        base: steps of the live `learning` that are learned first; the replay's own are numbered on from there.
        catalogue: by topic and partition, where the catalogue is read to.
        made_by: the build and the settings that began it.
        span_ms: longest arrival time of a piece.
        records: most records of a piece.
    """

    asked: Mapping[str, str]
    order: Order
    starts: Offsets
    ends: Offsets
    base: int
    catalogue: Mapping[TopicName, Offsets]
    made_by: str
    span_ms: int
    records: int = PIECE_RECORDS

    @property
    def total(self) -> int:
        """Count the records there are to read, offsets that hold none included."""
        return sum(max(0, end - self.starts[partition]) for partition, end in self.ends.items())

    def encode(self) -> bytes:
        """Write the record's value."""
        return orjson.dumps(asdict(self), option=orjson.OPT_NON_STR_KEYS)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the record's value."""
        plain = orjson.loads(data)
        catalogue = {topic: _numbered(ends) for topic, ends in plain.pop("catalogue").items()}
        return cls(
            starts=_numbered(plain.pop("starts")), ends=_numbered(plain.pop("ends")), catalogue=catalogue, **plain
        )


@dataclass(frozen=True)
class Checkpoint:
    """How far everything is durable: states, outputs and steps of all records before `positions`, and none after.

    Args:
        positions: next offset of each source partition.
        clocks: latest time each has told.
        learned: end of the replay's own `learning`.
        outputs: end of each output partition, by topic.
        second: which second of arrival the last record fell in.
        in_second: how many records so far fell in it.
        counts: records worked through, by what became of them.
        done: nothing is left.
    """

    positions: Offsets
    clocks: Offsets
    learned: int = 0
    outputs: Mapping[TopicName, Offsets] = field(default_factory=dict)
    second: int = -1
    in_second: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    done: bool = False

    @classmethod
    def first(cls, plan: Plan, *, learned: int, outputs: Mapping[TopicName, Offsets]) -> Self:
        """Give the checkpoint before the first record."""
        return cls(dict(plan.starts), dict.fromkeys(plan.starts, UNTIMED), learned, outputs)

    def after(self, piece: list[Placed], **changes: Any) -> Self:
        """Move behind a piece."""
        last = partitions_of(piece)
        return replace(
            self,
            positions={**self.positions, **{p: one.record.offset + 1 for p, one in last.items()}},
            clocks={**self.clocks, **{p: one.time_ms for p, one in last.items()}},
            **changes,
        )

    def encode(self) -> bytes:
        """Write the record's value."""
        return orjson.dumps(asdict(self), option=orjson.OPT_NON_STR_KEYS)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the record's value."""
        plain = orjson.loads(data)
        outputs = {topic: _numbered(ends) for topic, ends in plain.pop("outputs").items()}
        return cls(
            positions=_numbered(plain.pop("positions")),
            clocks=_numbered(plain.pop("clocks")),
            outputs=outputs,
            **plain,
        )


def _numbered(plain: Mapping[str, int]) -> dict[int, int]:
    return {int(partition): int(offset) for partition, offset in plain.items()}
