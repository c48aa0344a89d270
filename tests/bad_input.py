"""Everything that should never stop the stream, with what must become of it.

Shared by the test of the engine as a library and the test of the worker on a broker.
"""

from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

import orjson

from schemas.errors import Reason
from schemas.record import rfc3339


@dataclass(frozen=True)
class Case:
    """One record: `reason` is its dead letter's, None where the record is good and must be used."""

    name: str
    value: bytes | None
    reason: Reason | None
    key: bytes = b"v-bad"


class NoText(str):
    """A header name whose bytes are not UTF-8, for producers in Python, which encode it themselves."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:  # type: ignore[override]
        return b"\xff\xfe" + super().encode()


def event(at: datetime, /, **changes: object) -> bytes:
    """Write a good event with some fields replaced; None takes one away."""
    plain: dict[str, object] = {
        "event_id": f"bad-{crc32(str(changes).encode())}",
        "name": "view_item",
        "visitor_id": "v-bad",
        "at": rfc3339(at),
        "items": [{"product_id": "p1"}],
        "consent": "personalisation",
    }
    return orjson.dumps({name: value for name, value in (plain | changes).items() if value is not None})


def cases(at: datetime) -> list[Case]:
    """Give all cases; `at` is a time the broker will believe."""
    nan = event(at, items=[{"product_id": "p1", "price": 77}]).replace(b"77", b"NaN")
    return [
        Case("not JSON", b"{nope", "not_json"),
        Case("not text", b"\xff\xfe\x00", "not_json"),
        Case("empty", b"", "not_json"),
        Case("no value", None, "not_json"),
        Case("a list", b"[]", "schema"),
        Case("a number", b"7", "schema"),
        Case("brackets without end", b"[" * 50_000, "not_json"),
        Case("a megabyte", event(at, query="x" * 900_000), "too_large"),
        Case("no ids", event(at, event_id=None, visitor_id=None), "schema"),
        Case("an id of 10,000 characters", event(at, visitor_id="x" * 10_000), "schema"),
        Case("our own key as an id", event(at, visitor_id="\0watermark"), "schema"),
        Case("wrong types", event(at, items="p1", ping=7), "schema"),
        Case("a NaN price", nan, "schema"),
        Case("a negative price", event(at, items=[{"product_id": "p1", "price": -1}]), "schema"),
        Case("1970", event(at, at="1970-01-01T00:00:00Z"), "clock_skew"),
        Case("2200", event(at, at="2200-01-01T00:00:00Z"), "clock_skew"),
        Case("a time without its zone", event(at, at="2026-05-01T12:00:00"), "schema"),
        Case("an unknown event name", event(at, name="teleport"), "schema"),
        Case("an unknown major version", event(at, schema_version="9.0"), "unknown_version"),
        Case("201 items", event(at, items=[{"product_id": f"p{n}"} for n in range(201)]), "schema"),
        Case("a newer minor version", event(at, schema_version="1.7", later={"x": 1}), None),
        Case("an unknown product", event(at, items=[{"product_id": "nobody-knows-me"}]), None),
        Case("emoji and right-to-left text", event(at, query="🥾 حذاء جبلي", name="search", items=[]), None),
        Case("an emoji id", event(at, visitor_id="visitor-🥾"), None, "visitor-🥾".encode()),
        Case("a key of another visitor", event(at, visitor_id="v-elsewhere"), None, b"someone-else"),
        Case("no key's worth of view", event(at, items=[]), None),
    ]
