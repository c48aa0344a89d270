"""Visitors' states rebuilt: one partition's events applied again, from nothing or from where the changelog allows."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from models.session import Applied, SessionRules, applied_of, apply, decode_visitor, encode
from schemas.dead import DeadLetter
from schemas.errors import DecodeError
from schemas.events import Event
from schemas.learning import Origin
from schemas.record import epoch_ms, nearest_time
from schemas.topics import EVENTS
from streams.deciding import event_of
from streams.flow import LogRecord
from streams.partitions import EPOCH_HEADER, VISITORS, rebased
from streams.past.again import rules_of
from streams.requeued import Requeued, letter_of


@dataclass
class Seeds:
    """What the changelog says of visitors whose first events are no longer kept.

    `before` is a visitor's last state of an earlier epoch, or as they came from another partition; `within` the
    earliest state written after an event that is still kept, by its offset.
    """

    before: dict[bytes, tuple[int, int, bytes]] = field(default_factory=dict)
    within: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)

    def take(self, record: LogRecord, *, epoch: int, start: int) -> None:
        """Take the next record of the changelog.

        Args:
            record: any of the partition.
            epoch: of the events that are kept.
            start: the first offset that is kept.
        """
        key, value = record.key, record.value
        if key is None or value is None or key < VISITORS:
            return
        own = int(dict(record.headers).get(EPOCH_HEADER) or 0)
        try:
            applied = applied_of(value)
        except DecodeError:
            return
        if (own < epoch or applied < 0) and (own, applied) >= self.before.get(key, (-1, -1, b""))[:2]:
            self.before[key] = (own, applied, value)
        elif own == epoch and applied >= start:
            known = self.within.get(key)
            if known is None or applied < known[0]:
                self.within[key] = (applied, value)


class Rebuilt(NamedTuple):
    """An event and what it came to; `sure` unless the visitor may have had events that are no longer kept."""

    event: Event
    applied: Applied
    sure: bool


class Visitors:
    """The visitors of one partition, rebuilt.

    Args:
        partition: its number.
        rules: constants.
        epoch: of the events that are kept.
        whole: nothing of the events is missing.
        seeds: where states begin otherwise.
        skipped: offsets and arrival times of records that were skipped because the worker died on them.
        wanted: only these visitors are kept; all where absent.
    """

    def __init__(
        self,
        partition: int,
        rules: SessionRules,
        *,
        epoch: int = 0,
        whole: bool = True,
        seeds: Seeds | None = None,
        skipped: Collection[tuple[int, int]] = (),
        wanted: Collection[str] | None = None,
    ) -> None:
        self._partition, self._rules, self._epoch = partition, rules, epoch
        self._seeds = seeds or Seeds()
        self._skipped = skipped
        self._wanted = wanted
        self._whole = whole
        self._begun: set[bytes] = set()
        self._requeued = Requeued()
        self._states: dict[bytes, bytes] = {key: rebased(value) for key, (_, _, value) in self._seeds.before.items()}

    def apply(self, record: LogRecord) -> Rebuilt | None:
        """Apply the next event; None for a dead letter, one sent again twice, or a visitor not wanted."""
        if skip_key(record) in self._skipped:
            return None
        try:
            event = event_of(record)
        except DecodeError:
            return None
        if self._again(record) or (self._wanted is not None and event.visitor_id not in self._wanted):
            return None
        key = event.visitor_id.encode()
        rebuilt = self._applied(record, event, key)
        seed = self._seeds.within.get(key)
        if seed is not None and seed[0] == record.offset:
            self._states[key] = seed[1]
            self._begun.add(key)
        return rebuilt

    def _again(self, record: LogRecord) -> bool:
        """Tell whether a record brings a dead letter that an earlier one brought already."""
        letter = letter_of(record.headers) if record.headers else None
        if letter is None:
            return False
        again = self._requeued.again(letter, record.offset)
        self._requeued.take(letter, record)
        return again

    def _applied(self, record: LogRecord, event: Event, key: bytes) -> Rebuilt:
        source = Origin(topic=EVENTS, partition=self._partition, offset=record.offset, epoch=self._epoch)
        data = self._states.get(key)
        applied = apply(
            None if data is None else decode_visitor(data),
            event,
            origin=source,
            item_of=str,
            rules=rules_of(record, self._rules),
        )
        if applied.changed:
            if applied.visitor is None:
                self._states.pop(key, None)
            else:
                self._states[key] = encode(applied.visitor)
        return Rebuilt(event, applied, sure=self._whole or key in self._begun)


def skips(letters: Iterable[LogRecord]) -> set[tuple[int, int]]:
    """Give offsets and arrival times of the records that became dead letters because the worker died on them."""
    found = set()
    for record in letters:
        try:
            letter = DeadLetter.decode(record.value)
        except DecodeError:
            continue
        if letter.reason == "handler":
            found.add((letter.source.offset, epoch_ms(letter.source.timestamp)))
    return found


def skip_key(record: LogRecord) -> tuple[int, int]:
    """Name a record as `skips` does."""
    return record.offset, epoch_ms(nearest_time(record.timestamp_ms))
