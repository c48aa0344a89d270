"""Every decoder of bytes that aisle has, with valid inputs to start from: what a topic or a file may hold reaches one.

A target takes bytes and returns, or raises `DecodeError`; whatever else it raises is a fault. Readers that skip what
they cannot read (folds, restore, files of the worker's own) have to return.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from models.model import Model
from models.session import SessionRules, applied_of, apply, clock_of, decode_visitor, encode
from models.snapshot import CHECKSUM_BYTES, offset_of, tail_of
from models.snapshot import decode as decode_model
from schemas.dead import DeadLetter
from schemas.erasures import Erasure
from schemas.errors import DecodeError, RefusedError
from schemas.events import decode_event
from schemas.judgements import JudgementRequest, JudgementTable, Spending
from schemas.learning import LearningStep, Origin
from schemas.products import Embedding, Product
from schemas.record import Record, epoch_ms
from schemas.rules import Rule
from schemas.slates import Evidence, Slate
from schemas.topics import EVENTS, PRODUCTS
from streams.bootstrap import build_world
from streams.dead_letters import refused
from streams.deaths import load_deaths, read_marker
from streams.flow import Fold, LogRecord
from streams.partitions import WATERMARK_KEY, Restore, Watermark
from streams.settings import Settings
from tests.fuzz import seeds
from tests.fuzz.mutation import mutated
from tests.fuzz.strict import check_visitor

ARRIVED_MS = epoch_ms(seeds.AT)
FRESH_AFTER = 2000
"""Inputs that a fold takes before it is begun anew."""


@dataclass(frozen=True)
class Target:
    """A decoder.

    Args:
        name: what it reads.
        run: is given one input.
        examples: valid inputs.
        head: first bytes of an input that are no part of the record: they choose what comes with it.
        seal: mends what a checksum would catch before the decoder sees it.
    """

    name: str
    run: Callable[[bytes], object]
    examples: Sequence[bytes]
    head: int = 0
    seal: Callable[[bytes], bytes] = bytes

    def mutated(self, data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
        """Make the next input from one."""
        head = random.randbytes(self.head)
        body = mutated(data[self.head :], random, others, seeds.WORDS)
        return head + (self.seal(body) if random.random() < 0.9 else body)


def targets() -> dict[str, Target]:
    """Give all of them by name."""
    return {one.name: one for one in (*_kinds(), *_events(), *_folds(), *_states(), *_restores(), *_files())}


def _kinds() -> list[Target]:
    by_kind: dict[type[Record], list[bytes]] = {}
    for record in seeds.records():
        by_kind.setdefault(type(record), []).append(record.encode())
    special: dict[type[Record], Callable[[bytes], object]] = {
        Embedding: _embedding,
        LearningStep: _step,
        DeadLetter: lambda data: DeadLetter.decode(data).original(),
        Erasure: lambda data: Erasure.decode(data).key(),
    }
    kinds: list[type[Record]] = [
        Product, Embedding, LearningStep, Slate, Evidence, JudgementRequest, JudgementTable, Spending, Rule, DeadLetter,
        Erasure
    ]  # fmt: skip
    return [Target(kind.__name__, special.get(kind, _stable(kind)), by_kind[kind]) for kind in kinds]


def _stable(kind: type[Record]) -> Callable[[bytes], object]:
    """Read, write and read again: what was taken must be a record."""

    def run(data: bytes) -> object:
        record = kind.decode(data)
        try:
            return kind.model_validate_json(record.encode())
        except ValueError as error:
            raise AssertionError(f"{kind.__name__} cannot read what it wrote") from error

    return run


def _embedding(data: bytes) -> object:
    """`array` says by ValueError that a vector is none; the folds skip it."""
    embedding = Embedding.decode(data)
    try:
        return embedding.array()
    except ValueError as error:
        raise DecodeError("schema", type(error).__name__) from None


def _step(data: bytes) -> object:
    step = LearningStep.decode(data)
    step.unknown_items()
    try:
        return step.row and step.row.array()
    except ValueError as error:
        raise DecodeError("schema", type(error).__name__) from None


def _events() -> list[Target]:
    def event(data: bytes) -> object:
        """The first two bytes choose arrival and origin."""
        head, body = data[:2], data[2:]
        arrived = (ARRIVED_MS, -1, 0, 2**63 - 1, -(2**63), ARRIVED_MS + 10**9)[sum(head) % 6]
        return decode_event(body, arrival_ms=arrived, origin=(None, "import", "replay")[sum(head) % 3])

    def letter(data: bytes) -> object:
        key, _, value = data.partition(b"}")
        record = LogRecord(0, 3, int.from_bytes(data[:8], signed=True), key, value, ((repr(key[:9]), value[:300]),))
        for topic in (EVENTS, PRODUCTS):
            out = refused(topic, record, DecodeError("schema", repr(data)), tell=lambda _: False)
            assert DeadLetter.decode(out.value).original() == value
        return None

    return [
        Target("Event", event, [b"\0\0" + data for data in seeds.EVENTS], head=2),
        Target("dead letter of any record", letter, seeds.EVENTS),
    ]


class _Folded:
    """A fold that is begun anew now and then: it may not grow for ever."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._taken = 0

    def __call__(self, data: bytes) -> object:
        if self._taken % FRESH_AFTER == 0:
            self._fold = _fold(self._topic)
        self._taken += 1
        key = b"p1"
        if self._topic == PRODUCTS and self._taken % 2:  # most products come under their own key
            with contextlib.suppress(DecodeError):
                key = Product.decode(data).product_id.encode()
        self._fold.apply(LogRecord(0, self._taken, ARRIVED_MS, key, data))
        return None


def _fold(topic: str) -> Fold:
    settings = Settings(_env_file=None)
    world = build_world(settings, model=Model(seeds.SMALL))
    return next(fold for fold in world.folds if fold.topic == topic)


def _folds() -> list[Target]:
    records = seeds.records()
    return [
        Target(f"fold of {topic}", _Folded(topic), [one.encode() for one in records if isinstance(one, kind)])
        for topic, kind in (
            ("catalog.products", Product),
            ("catalog.embeddings", Embedding),
            ("learning", LearningStep),
        )
    ]


@cache
def _history() -> list[Any]:
    return [decode_event(data, arrival_ms=ARRIVED_MS) for data in seeds.EVENTS]


def _visitor(data: bytes) -> object:
    """What is read is what the code believes it to be, and the next events find nothing odd in it."""
    visitor = decode_visitor(data)
    check_visitor(visitor)
    for offset, event in enumerate(_history()):
        origin = Origin(topic=EVENTS, partition=0, offset=offset)
        applied = apply(visitor, event, origin=origin, item_of=str, rules=SessionRules())
        if applied.visitor is not None:
            clock_of(encode(applied.visitor))
    return visitor


def _heads(data: bytes) -> object:
    applied_of(data)
    return clock_of(data)


def _states() -> list[Target]:
    snapshots = seeds.snapshots()
    return [
        Target("Visitor", _visitor, seeds.visitors()),
        Target("head of a visitor", _heads, [data[:80] for data in seeds.visitors()]),
        Target("Watermark", Watermark.decode, seeds.watermarks()),
        Target("model snapshot", _refusable(lambda data: decode_model(data, seeds.SMALL)), snapshots, seal=_sealed),
        Target("head of a snapshot", _refusable(lambda data: (offset_of(data), tail_of(data))), snapshots),
    ]


def _refusable(run: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """A snapshot is passed over, and a state of another version refused, by a sentence: their one decode error."""

    def read(data: bytes) -> object:
        try:
            return run(data)
        except RefusedError as error:
            raise DecodeError("schema", str(error)) from None

    return read


def _sealed(data: bytes) -> bytes:
    body = data[:-CHECKSUM_BYTES]
    return body + hashlib.sha256(body).digest()


def _restores() -> list[Target]:
    """The first byte chooses what a record carries beside its value."""

    def changelog(data: bytes) -> object:
        head, value = data[:1], data[1:]
        headers = ((), (("epoch", value[:9]),), (("applied", value[:9]),), (("epoch", b"1"), ("applied", b"7")))
        found = Restore(0)
        for key in (b"v1", WATERMARK_KEY, None, value[:20]):
            found.changelog([LogRecord(0, 5, 0, key, value, headers[sum(head) % 4])])
            found.changelog([LogRecord(0, 6, 0, key, None, headers[sum(head) % 4])])
            found.changelog(
                [LogRecord(0, 7, 0, b"v2", value), LogRecord(0, 8, 0, WATERMARK_KEY, b'{"mark":1,"out_end":0}')]
            )
        return found.finish()

    def outputs(data: bytes) -> object:
        found = Restore(0)
        found.outputs([LogRecord(0, 5, 0, b"v1", data)])
        return found.finish()

    stored = [*seeds.visitors(), *seeds.watermarks()]
    return [
        Target("restore from the changelog", _refusable(changelog), [b"\0" + one for one in stored], head=1),
        Target("restore from the outputs", outputs, [seeds.slate().encode()]),
    ]


class _File:
    """A file that holds one input."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_bytes(self) -> bytes:
        return self._data

    def read_text(self) -> str:
        return self._data.decode()


def _files() -> list[Target]:
    deaths = {"suspects": {"0": {"mark": 3, "last": 9, "deaths": 2}}, "skips": {"1": [4, 5]}}
    return [
        Target("deaths.json", lambda data: load_deaths(_File(data)), [json.dumps(deaths).encode()]),
        Target("in-work", lambda data: read_marker(_File(data)), [b"%-80s" % b"0 12 17", b" " * 80]),
    ]
