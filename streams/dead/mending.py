"""From a dead letter to the record that is sent again, or to why it stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.dead import MAX_KEPT_KEY_BYTES, DeadLetter
from schemas.errors import DecodeError, Reason
from schemas.events import ORIGIN_HEADER, Event, decode_event
from schemas.letter_id import REQUEUED_HEADER, LetterId
from schemas.products import Product
from schemas.record import Id, epoch_ms
from schemas.topics import EVENTS, TopicName
from streams.dead.fixes import Fix, FixError
from streams.dead.letters import id_of
from streams.erased import Erased
from streams.kafka import partition_of
from streams.writer import Row

Stays = Literal["refused", "fix_failed", "left", "changes_id", "cut", "erased", "handler", "newer"]
"""Why a letter is not sent: it is still refused; the fix raised, gave None, or gave the event another id; its value was
cut; who it is of asked to be forgotten; it killed the worker and was not named; its product has a newer record."""

LIFTS_AGE = ("import", "replay")

_ID = TypeAdapter(Id)


class Ready(NamedTuple):
    """A record to send, and the letter it comes from."""

    letter: LetterId
    partition: int
    row: Row


class Left(NamedTuple):
    """A letter that stays; `reason` is its decoder's, where that refuses it still."""

    letter: LetterId
    why: Stays
    detail: str
    reason: Reason | None = None


@dataclass(frozen=True)
class Mending:
    """How letters of a topic become records again.

    Args:
        topic: whose letters they are.
        partitions: of the topic.
        erased: who must be left out.
        fix: mends a value first.
        origin: header `origin` to give them; lifts the limit on age.
        handler: take also those that killed the worker.
        moved_ms: when every visitor went to the partition of their key, as more partitions came; milliseconds since
            1970.
    """

    topic: TopicName
    partitions: int
    erased: Erased
    fix: Fix | None = None
    origin: str | None = None
    handler: bool = False
    moved_ms: int = 0

    def __call__(self, letter: DeadLetter) -> Ready | Left:
        """Mend a letter and hold it against the decoder that refused it."""
        name = id_of(letter.source)
        if letter.cut:
            return Left(name, "cut", f"its value had {letter.value_bytes:,} bytes, which were not all kept")
        if letter.reason == "handler" and not self.handler:
            return Left(name, "handler", "it killed the worker: name it, by --reason handler or --id")
        value = letter.original()
        try:
            mended = value if self.fix is None else self.fix(value or b"")
        except FixError as error:
            return Left(name, "fix_failed", str(error))
        if self.fix is not None and mended is None:
            return Left(name, "left", "a test of the patch failed, or fix gave None")
        try:
            if self.topic == EVENTS:
                return self._event(name, letter, mended)
            return self._product(name, letter, mended)
        except DecodeError as error:
            return Left(name, "refused", error.detail, error.reason)

    def _event(self, name: LetterId, letter: DeadLetter, value: bytes | None) -> Ready | Left:
        before, after = _fields(letter.original()), _fields(value)
        if _is_id(before.get("event_id")) and after.get("event_id") != before["event_id"]:
            return Left(name, "changes_id", "the fix changes event_id, by which an event is known not to be a second")
        if value is not None and after and "event_id" not in after:
            value = _with_id(value, name)
        origin = self.origin or letter.headers.get(ORIGIN_HEADER)
        event = decode_event(value, arrival_ms=name.arrived_ms, origin=origin)
        if self.erased.covers(event, arrived_ms=name.arrived_ms):
            return Left(name, "erased", "its person asked to be forgotten")
        key, partition = self._place(event, letter, before.get("visitor_id"))
        headers = _headers(letter, name, origin=origin if origin in LIFTS_AGE else "replay")
        return Ready(name, partition, Row(key, value, headers))

    def _place(self, event: Event, letter: DeadLetter, visitor_id: Any) -> tuple[bytes, int]:
        """Give key and partition: those the record had, unless the fix says that it is another visitor's.

        A producer that hashes its keys otherwise has this visitor's other events in that partition too, unless all
        visitors have moved since.
        """
        key, visitor = letter.original_key(), event.visitor_id.encode()
        whole = key is not None and len(key) < MAX_KEPT_KEY_BYTES
        stays = epoch_ms(letter.source.timestamp) >= self.moved_ms
        if key is not None and whole and stays and (key == visitor or event.visitor_id == visitor_id):
            return key, letter.source.partition
        return visitor, partition_of(visitor, self.partitions)

    def _product(self, name: LetterId, letter: DeadLetter, value: bytes | None) -> Ready | Left:
        product = Product.decode(value)
        key = product.product_id.encode()
        if letter.original_key() not in {None, key}:
            raise DecodeError("schema", "Product.product_id: the record's key is not this product")
        headers = _headers(letter, name, origin=self.origin or letter.headers.get(ORIGIN_HEADER))
        return Ready(name, partition_of(key, self.partitions), Row(key, value, headers))


def _headers(letter: DeadLetter, name: LetterId, *, origin: str | None) -> tuple[tuple[str, bytes], ...]:
    ours = {ORIGIN_HEADER, REQUEUED_HEADER}
    kept = [(header, value.encode()) for header, value in letter.headers.items() if header not in ours]
    named = [(ORIGIN_HEADER, origin.encode())] if origin else []
    return (*kept, *named, (REQUEUED_HEADER, name.header()))


def _fields(value: bytes | None) -> Mapping[str, Any]:
    """Read what can be read of a JSON object; anything else has no fields."""
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_id(value: Any) -> bool:
    try:
        _ID.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _with_id(value: bytes, name: LetterId) -> bytes:
    """Give an event without an id the letter's own: it is the same however often it is sent."""
    head, _, rest = value.partition(b"{")
    return head + b'{"event_id":"' + name.header() + b'",' + rest
