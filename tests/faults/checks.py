"""Hold what the workers wrote against the oracle."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from models.session import applied_of
from schemas.dead import DeadLetter
from schemas.erasures import Erasure
from schemas.learning import LearningStep
from schemas.topics import CHANGELOG, ERASURES, EVENTS, EVENTS_DEAD, LEARNING, SLATES, TopicName
from streams.flow import LogRecord
from streams.partitions import APPLIED_HEADER, EPOCH_HEADER, WATERMARK_KEY
from tests.faults.ledger import Ledger, Told
from tests.faults.oracle import Answer, Oracle, Place

CHECKED: tuple[TopicName, ...] = (EVENTS, SLATES, LEARNING, CHANGELOG, EVENTS_DEAD, ERASURES)
"""The topics that are read."""


@dataclass(frozen=True)
class Verdict:
    """What is not as it must be.

    `repeats` are slates written twice, which a consumer tells by their ids. `rewritten` are learning steps, dead
    letters and erasures written twice, told by their source; a death between two writes makes some.
    """

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    mismatches: tuple[str, ...] = ()
    repeats: int = 0
    rewritten: int = 0

    @property
    def exact(self) -> bool:
        """Tell whether everything is as it must be."""
        return not (self.lost or self.doubled or self.mismatches)

    def with_mismatches(self, more: Iterable[str]) -> "Verdict":
        """Add what else is not the same."""
        return replace(self, mismatches=(*self.mismatches, *more))


@dataclass
class Checks:
    """Read on from where the last check ended, and tell what is new.

    Everything must have been read when `verdict` is asked: to the ends of all logs, with no lag.
    """

    oracle: Oracle = field(default_factory=Oracle)
    slates: Ledger[str, Answer] = field(default_factory=Ledger)
    learned: Ledger[Place, None] = field(default_factory=Ledger)
    dead: Ledger[Place, str] = field(default_factory=Ledger)
    erased: Ledger[tuple[bytes, Place], None] = field(default_factory=Ledger)
    _states: dict[bytes, tuple[int, int, bytes | None]] = field(default_factory=dict)
    _revised: set[str] = field(default_factory=set)
    _touched: set[bytes] = field(default_factory=set)
    _told: Told = field(default_factory=Told)
    _repeats: int = 0
    _rewritten: int = 0

    def take(self, topic: TopicName, records: Iterable[LogRecord]) -> None:
        """Take records that a topic has, in the order of each partition."""
        read = {
            EVENTS: self._event, SLATES: self._slate, LEARNING: self._step, CHANGELOG: self._state,
            EVENTS_DEAD: self._letter, ERASURES: self._erasure,
        }[topic]  # fmt: skip
        for record in records:
            read(record)

    def verdict(self) -> Verdict:
        """Say what is wrong that was not told before."""
        lost = [
            *(f"slate {name} of {answer.visitor}" for name, answer in self.slates.missing.items()),
            *(f"learning of {place}" for place in self.learned.missing),
            *(f"dead letter of {place} ({reason})" for place, reason in self.dead.missing.items()),
            *(f"erasure of {key.decode()} at {place}" for key, place in self.erased.missing),
        ]
        doubled = [
            *(f"slate {name} answers nothing" for name in self.slates.strange),
            *(f"revision of {name}, which answers nothing" for name in self._revised if not self.slates.expects(name)),
            *(f"learned from {place}, which teaches nothing" for place in self.learned.strange),
            *(f"dead letter of {place}, which is alive" for place in self.dead.strange),
            *(f"erasure of {key.decode()} at {place}, who did not ask" for key, place in self.erased.strange),
        ]
        wrong = [
            *(f"slate {name} is another's" for name in self.slates.wrong),
            *(f"dead letter of {place} has another reason" for place in self.dead.wrong),
            *self._contexts(),
        ]
        repeats, rewritten = self.slates.repeats, self.learned.repeats + self.dead.repeats + self.erased.repeats
        verdict = Verdict(
            *(tuple(map(str, self._told.fresh(some))) for some in (lost, doubled, wrong)),
            repeats=repeats - self._repeats,
            rewritten=rewritten - self._rewritten,
        )
        self._repeats, self._rewritten = repeats, rewritten
        return verdict

    def _event(self, record: LogRecord) -> None:
        due = self.oracle.take(record)
        for name, answer in due.slates.items():
            self.slates.expect(name, answer)
        if due.learned:
            self.learned.expect(due.place, None)
        if due.dead is not None:
            self.dead.expect(due.place, due.dead)
        for key in due.erased:
            self.erased.expect((key, due.place), None)
        if due.visitor is not None:
            self._touched.add(due.visitor)

    def _slate(self, record: LogRecord) -> None:
        slate: dict[str, Any] = orjson.loads(record.value or b"")
        name = slate["slate_id"]
        if slate["revision"]:  # it may come or not, and as often as it likes: it is known by its number
            self._revised.add(name)
            return
        self.slates.see(name, Answer(slate["visitor_id"], slate["cause"]["event_id"]))

    def _step(self, record: LogRecord) -> None:
        origin = LearningStep.decode(record.value).origin
        self.learned.see((origin.partition, origin.offset), None)

    def _letter(self, record: LogRecord) -> None:
        letter = DeadLetter.decode(record.value)
        self.dead.see((letter.source.partition, letter.source.offset), letter.reason)

    def _erasure(self, record: LogRecord) -> None:
        erasure = Erasure.decode(record.value)
        self.erased.see((erasure.key(), (erasure.origin.partition, erasure.origin.offset)), None)

    def _state(self, record: LogRecord) -> None:
        """Keep the state with the highest `applied`, as a restore does."""
        if record.key is None or record.key == WATERMARK_KEY:
            return
        key = b"%d/%s" % (record.partition, record.key)
        try:
            headers = {name: int(value or 0) for name, value in record.headers}
            applied = headers.get(APPLIED_HEADER, 0) if record.value is None else applied_of(record.value)
        except ValueError:
            return  # no worker wrote that: a fault did
        state = headers.get(EPOCH_HEADER, 0), applied, record.value
        if key not in self._states or state[:2] >= self._states[key][:2]:
            self._states[key] = state
        self._touched.add(key)

    def _contexts(self) -> list[str]:
        """Compare the contexts that changed since the last check, byte for byte."""
        touched, self._touched = self._touched, set()
        wrong = []
        for key in sorted(touched):
            _, applied, found = self._states.get(key, (0, -1, None))
            if found != self.oracle.context(key):
                wrong.append(f"context {key.decode()} at offset {applied}")
        return wrong
