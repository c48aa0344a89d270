"""The durable state of one partition: what it is, how it stands in the changelog, and how it is put together again.

The changelog holds the encoded state of each visitor under the visitor's id, and a watermark record that is written
after all others of a batch: what it names is durable. A visitor's newest state is the one with the highest `applied`,
not the last in the log, so that torn writes and writers that outlived their turn are harmless.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from models.session import applied_of, starts_as_visitor
from schemas.errors import DecodeError, RefusedError
from schemas.slates import of_campaign
from schemas.topics import CHANGELOG, SLATES
from streams.flow import Parsed
from streams.requeued import KEY as REQUEUED_KEY
from streams.requeued import Requeued
from streams.sweep import Sweep
from streams.unreadable import unreadable

WATERMARK_KEY = b"\0watermark"
"""Our own keys begin with 0: no visitor id contains a control character."""

VISITORS = b"\1"
"""Smaller keys are our own."""

EPOCH_HEADER = "epoch"
"""Kafka header of a state written after the source was recreated; absent in the first epoch."""

APPLIED_HEADER = "applied"
"""Kafka header of a tombstone, which has no value to say it in."""


class Watermark(NamedTuple):
    """What is durable: the source up to `mark`, given that the output partition is searched from `out_end` on.

    `epoch` counts how often an operator accepted that the source starts anew: its offsets then mean other records.
    `topic_id` is the source's as the broker has it, "" where it is not known.
    """

    mark: int
    out_end: int
    epoch: int = 0
    topic_id: str = ""

    def encode(self) -> bytes:
        """Write the watermark record's value."""
        return orjson.dumps(self._asdict())

    @classmethod
    def decode(cls, data: bytes) -> "Watermark":
        """Read a watermark record's value.

        Raises:
            DecodeError: whatever is wrong with the bytes.
        """
        try:
            raw = orjson.loads(data)
            found = cls(raw["mark"], raw["out_end"], raw.get("epoch", 0), raw.get("topic_id", ""))
        except orjson.JSONDecodeError:
            raise DecodeError("not_json", "Watermark: the bytes are not JSON") from None
        except (TypeError, KeyError, AttributeError) as error:
            raise DecodeError("schema", f"Watermark: {type(error).__name__}") from None
        if list(map(type, found)) != [int, int, int, str] or min(found[:3]) < -1 or max(found[:3]) >= 1 << 63:
            raise DecodeError("schema", "Watermark: not offsets, an epoch and an id")
        return found


@dataclass(slots=True)
class PartitionState:
    """What a worker knows of one partition.

    `mark` is the last source offset applied; `visitors` maps visitor id to encoded state, undecoded until touched;
    `emitted` holds (source offset, placement) of slates found in the output's tail: applied but not sent again;
    `requeued` knows which dead letters were taken again; `sweep` frees visitors; `unreadable` counts watermark records
    that no build like this one wrote; `delivered` is the last source offset the consumer brought since the restore;
    `overtaken` names those whose newest state is not their last in the changelog: compaction would keep the wrong one,
    so it is written again with the next batch.
    """

    partition: int
    mark: int = -1
    out_end: int = 0
    epoch: int = 0
    topic_id: str = ""
    visitors: dict[bytes, bytes] = field(default_factory=dict)
    emitted: set[tuple[int, str]] = field(default_factory=set)
    requeued: Requeued = field(default_factory=Requeued)
    sweep: Sweep = field(default_factory=Sweep, compare=False, repr=False)
    unreadable: int = 0
    delivered: int = field(default=-1, compare=False)
    overtaken: set[bytes] = field(default_factory=set, compare=False)

    def put(self, key: bytes, data: bytes | None) -> None:
        """Replace a visitor's state; None forgets it."""
        if data is None:
            self.visitors.pop(key, None)
        else:
            self.visitors[key] = data

    def watermark(self) -> Watermark:
        """Give what the next watermark record says."""
        return Watermark(self.mark, self.out_end, self.epoch, self.topic_id)

    def headers(self, value: bytes | None) -> tuple[tuple[str, bytes], ...]:
        """Give the changelog headers of a visitor's state written now."""
        epoch = ((EPOCH_HEADER, b"%d" % self.epoch),) if self.epoch else ()
        return epoch if value is not None else (*epoch, (APPLIED_HEADER, b"%d" % self.mark))


class Restore:
    """Put one partition's state together from the records of its changelog and of its output's tail.

    A million visitors take seconds: what is kept of each is what the partition will hold, and nothing beside it but
    the epochs after the first and who was forgotten.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._visitors: dict[bytes, bytes] = {}
        self._epochs: dict[bytes, int] = {}
        self._gone: dict[bytes, tuple[int, int]] = {}
        self._overtaken: set[bytes] = set()
        self._watermark: Watermark | None = None
        self._unreadable = 0
        self._emitted: set[tuple[int, int, str]] = set()
        self._requeued: dict[bytes, tuple[int, bytes | None]] = {}

    @property
    def watermark(self) -> Watermark | None:
        """Give the watermark with the highest mark of the newest epoch read so far."""
        return self._watermark

    @property
    def reach(self) -> int:
        """Give the highest offset that any record of the newest epoch was written because of."""
        mark = self._watermark or Watermark(-1, 0)
        ranks = (rank for key in (*self._visitors, *self._gone) if (rank := self._rank(key)) is not None)
        return max(mark.mark, max((applied for epoch, applied in ranks if epoch == mark.epoch), default=-1))

    def changelog(self, records: Iterable[Parsed]) -> None:
        """Take the next records of the changelog."""
        visitors, gone = self._visitors, self._gone
        for record in records:
            key, value = record.key, record.value
            if (
                key is None
                or value is None
                or record.headers
                or key < VISITORS
                or key in gone
                or not starts_as_visitor(value)
                or visitors.setdefault(key, value) is not value
            ):
                self._take(record)  # few: a compacted log holds most visitors once

    def _take(self, record: Parsed) -> None:
        key, value = record.key, record.value
        if key is None:
            return
        try:
            if key == WATERMARK_KEY:
                self._take_watermark(value)
                return
            epoch = _number(record.headers, EPOCH_HEADER)
            if key.startswith(REQUEUED_KEY):
                self._requeued[key] = epoch, value
            if key < VISITORS:
                return
            applied = _number(record.headers, APPLIED_HEADER) if value is None else applied_of(value)
        except DecodeError as error:  # one visitor starts anew, which is better than nobody being served
            if error.reason == "unknown_version":
                raise self._newer(error, record.offset) from None
            self._unreadable += key == WATERMARK_KEY
            unreadable(CHANGELOG, str(error), partition=self._partition, offset=record.offset)
            return
        before = self._rank(key)
        if before is None or (epoch, applied) >= before:
            self._overtaken.discard(key)
            self._put(key, value, epoch, applied)
        else:
            self._overtaken.add(key)

    def _newer(self, error: DecodeError, offset: int) -> RefusedError:
        """Refuse states of another build: its visitors would start anew, and what is known of them be written over."""
        return RefusedError(
            f"partition {self._partition} of {CHANGELOG}, offset {offset}: {error}; start the build that wrote it, or "
            "a later one"
        )

    def _rank(self, key: bytes) -> tuple[int, int] | None:
        """Give the epoch and offset of what is known of a visitor."""
        value = self._visitors.get(key)
        return self._gone.get(key) if value is None else (self._epochs.get(key, 0), applied_of(value))

    def _put(self, key: bytes, value: bytes | None, epoch: int, applied: int) -> None:
        if value is None:
            self._visitors.pop(key, None)
            self._gone[key] = (epoch, applied)
            return
        self._visitors[key] = value
        if epoch:
            self._epochs[key] = epoch
        if self._gone:
            self._gone.pop(key, None)

    def outputs(self, records: Iterable[Parsed]) -> None:
        """Take the next records of the output partition; revisions and campaigns' slates answer to no source record."""
        for record in records:
            if record.value is None:
                continue
            try:
                if (sent := _sent(record.value)) is not None:
                    self._emitted.add(sent)
            except (ValueError, TypeError, KeyError, AttributeError) as error:  # no slate of ours: it answers nothing
                why = type(error).__name__
                unreadable(SLATES, why, partition=self._partition, offset=record.offset)

    def finish(self) -> PartitionState:
        """Give the state as it stands; visitors of an earlier epoch are kept, their offsets forgotten."""
        mark, visitors = self._watermark or Watermark(-1, 0), self._visitors
        if mark.epoch or self._epochs:
            for key, value in visitors.items():
                if self._epochs.get(key, 0) != mark.epoch:
                    visitors[key] = rebased(value)
        emitted = {one[1:] for one in self._emitted if one[0] == mark.epoch and one[1] > mark.mark}
        requeued = Requeued()
        for key, (epoch, entry) in self._requeued.items():
            requeued.restore(key, entry, anew=epoch != mark.epoch)
        state = PartitionState(self._partition, *mark, visitors, emitted, overtaken=self._overtaken)
        state.requeued, state.unreadable = requeued, self._unreadable
        return state

    def _take_watermark(self, value: bytes | None) -> None:
        if value is None:
            return
        new, old = Watermark.decode(value), self._watermark
        if old is None or (new.epoch, new.mark) >= (old.epoch, old.mark):
            self._watermark = new


def _number(headers: Iterable[tuple[str, bytes | None]], wanted: str) -> int:
    value = next((value for name, value in headers if name == wanted and value), b"0")
    if len(value) > 19 or not value.removeprefix(b"-").isdigit():
        raise DecodeError("schema", f"header {wanted}: not a number")
    return int(value)


def _sent(value: bytes) -> tuple[int, int, str] | None:
    """Read which source record and placement a slate answers; None for a revision, or a campaign's."""
    slate = orjson.loads(value)
    if slate.get("revision", 0) != 0 or of_campaign(slate.get("slate_id", "")):
        return None
    cause = slate["cause"]
    epoch, offset, placement = cause.get("epoch", 0), cause["offset"], slate["placement"]
    if [type(epoch), type(offset), type(placement)] != [int, int, str]:
        raise TypeError
    return epoch, offset, placement


def rebased(data: bytes) -> bytes:
    """Forget which offset a state was applied from: offsets of a new epoch start over."""
    end = data.index(b",") if b"," in data else data.index(b"}")
    return b'{"applied":-1' + data[end:]
