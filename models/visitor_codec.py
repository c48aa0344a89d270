"""Visitors as bytes: JSON whose first field is `applied`, lists of entries as columns, times as differences.

Two builds share a changelog while one replaces the other, forward and back. A newer one of the same version may add
fields beside those of `FIELDS`: an older one keeps them as they are and writes them again. What an older build could
not read (another meaning or another shape of a field) is another version, and takes two releases: the first reads both
and writes the old one, the second writes the new one. A restore that meets a version this build does not read refuses.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, repeat
from operator import sub
from typing import Any, TypeVar

import orjson

from models.visitor import Entry, Profile, Rates, Seen, Session, Step, Visitor
from schemas.errors import DecodeError
from schemas.events import EARLIEST_MS, LATEST_MS, Landing
from schemas.learning import StepKind

VERSION = 1
"""What is written."""

READS = frozenset({1})
"""What is read."""

FIELDS = frozenset({"applied", "version", "clock", "user", "session", "shown", "profile", "entries", "rates", "seen"})
Row = TypeVar("Row", Step, Seen, Entry)
APPLIED = re.compile(rb'\{"applied":(-?\d{1,18})(?:,"version":(\d{1,9})(?=[,}]))?[,}]')
CLOCK = re.compile(rb'\{"applied":-?\d{1,18},"version":\d{1,9},"clock":(\d{1,15})[,}]')

MOST = 1 << 53
"""No count and no difference of times is greater; sums of some hundred still fit 64 bits, which is what is written."""

_READ_BYTES = frozenset({None, *(b"%d" % version for version in READS)})

_LETTER: dict[StepKind, str] = {"view": "v", "click": "c", "cart": "b", "remove": "r", "purchase": "p"}
_KIND = {letter: kind for kind, letter in _LETTER.items()}


def encode(visitor: Visitor) -> bytes:
    """Write a visitor; `applied`, `version` and `clock` come first, so that restore and sweep need not read the rest.

    The bytes are kept with the visitor, who never changes: holding it to its size has often written it already.
    """
    if visitor.written is None:
        object.__setattr__(visitor, "written", _written(visitor))
    return visitor.written or b""


def _written(visitor: Visitor) -> bytes:
    now = visitor.clock_ms
    profile, rates = visitor.profile, visitor.rates
    plain: dict[str, Any] = {"applied": visitor.applied, "version": VERSION, "clock": now}
    if visitor.user_id is not None:
        plain["user"] = visitor.user_id
    if visitor.session is not None:
        plain["session"] = _plain_session(visitor.session, now)
    if visitor.shown:
        product, count, last, was_clicked, slate, rank, skipped = zip(*visitor.shown, strict=True)
        clicks = "".join(["1" if one else "0" for one in was_clicked])
        plain["shown"] = [product, count, _ages(last, now), clicks, slate, rank, skipped]
    plain["profile"] = [now - profile.first_ms, profile.sessions, profile.views, profile.carts, profile.purchases]
    if profile.entries:
        product, kind, at, quantity = zip(*profile.entries, strict=True)
        plain["entries"] = [product, "".join([_LETTER[k] for k in kind]), _ages(at, now), quantity]
    plain["rates"] = [_ages(rates.views, now), _ages(rates.triggers, now), rates.hour]
    plain["seen"] = base64.b64encode(visitor.seen).decode()
    if visitor.more:
        plain |= {name: value for name, value in visitor.more.items() if name not in FIELDS}
    return orjson.dumps(plain)


def _plain_session(session: Session, now: int) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": session.session_id,
        "start": now - session.start_ms,
        "last": now - session.last_ms,
        "counts": [session.events, session.total, session.open, session.awaits],
    }
    if session.landing is not None:
        plain["landing"] = {name: value for name, value in session.landing.__dict__.items() if value is not None}
    if session.query is not None:
        plain["query"] = session.query
    if session.steps:
        product, kind, at, *numbers = zip(*session.steps, strict=True)
        plain["steps"] = [product, "".join([_LETTER[k] for k in kind]), _ages(at, now), *numbers]
    return plain


def decode_visitor(data: bytes) -> Visitor:
    """Read a visitor: all of it is what `Visitor` declares, or the next events would fail on what is not.

    Raises:
        DecodeError: whatever is wrong with the bytes.
    """
    try:
        plain = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise DecodeError("not_json", "Visitor: the bytes are not JSON") from None
    version = plain.get("version") if isinstance(plain, dict) else None
    if type(version) is not int:
        raise DecodeError("schema", "Visitor: no version")
    if version not in READS:
        raise _unknown(version)
    try:
        return _visitor(plain)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise DecodeError("schema", f"Visitor: {type(error).__name__}") from None


def _visitor(plain: dict[str, Any]) -> Visitor:
    now = plain["clock"]
    _whole((plain["applied"], now))
    if not EARLIEST_MS <= now < LATEST_MS:
        raise ValueError
    session, shown, entries = plain.get("session"), plain.get("shown"), plain.get("entries")
    first, sessions, looks, carts, purchases = _whole(plain["profile"])
    views, triggers, hour = plain["rates"]
    return Visitor(
        applied=plain["applied"],
        clock_ms=now,
        user_id=_text(plain.get("user")),
        session=None if session is None else _session(session, now),
        shown=() if shown is None else _shown(shown, now),
        profile=Profile(
            now - first, sessions, looks, carts, purchases, () if entries is None else _entries(entries, now)
        ),
        rates=Rates(
            _times(views, now), _times(triggers, now), tuple((slot, count) for slot, count in map(_whole, hour))
        ),
        seen=base64.b64decode(plain["seen"], validate=True),
        more={name: value for name, value in plain.items() if name not in FIELDS} or None,
    )


def _session(plain: dict[str, Any], now: int) -> Session:
    landing, columns = plain.get("landing"), plain.get("steps")
    steps: tuple[Step, ...] = ()
    if columns is not None:
        product, letters, at, view, beats, told, scroll, gap = columns
        kinds = [_KIND[letter] for letter in letters]
        numbers = _integers(view), _integers(beats), _whole(told), _whole(scroll), _whole(gap)
        steps = _rows(Step, zip(_texts(product), kinds, _times(at, now), *numbers, strict=True))
    events, total, still_open, awaits = _whole(plain["counts"], 0)
    start, last = _whole((plain["start"], plain["last"]))
    _texts((plain["id"],))
    return Session(
        session_id=plain["id"],
        start_ms=now - start,
        last_ms=now - last,
        events=events,
        total=total,
        open=still_open,
        awaits=awaits if steps else 0,  # it is the last step that waits for its page
        landing=None if landing is None else _landing(tuple(landing.items())),
        query=_text(plain.get("query")),
        steps=steps,
    )


@lru_cache(maxsize=4096)
def _landing(fields: tuple[tuple[str, Any], ...]) -> Landing:
    """Read where a visit came from; few places send many visitors."""
    return Landing.model_validate(dict(fields))


def _shown(columns: list[Any], now: int) -> tuple[Seen, ...]:
    product, count, last, clicks, slate, rank, skipped = columns
    numbers = _integers(slate), _whole(rank), _whole(skipped)
    rows = zip(_texts(product), _whole(count), _times(last, now), [c == "1" for c in clicks], *numbers, strict=True)
    return _rows(Seen, rows)


def _entries(columns: list[Any], now: int) -> tuple[Entry, ...]:
    product, letters, at, quantity = columns
    kinds = [_KIND[letter] for letter in letters]
    return _rows(Entry, zip(_texts(product), kinds, _times(at, now), _whole(quantity), strict=True))


def _rows(kind: type[Row], columns: Iterable[tuple[Any, ...]]) -> tuple[Row, ...]:
    """Name the values of rows; `kind._make` without a Python call per row, which is most of decoding."""
    return tuple(map(tuple.__new__, repeat(kind), columns))


def _ages(times: Sequence[int], now: int) -> list[int]:
    """Write times as the first one's age and the steps from each to the next: short numbers, and many zeros."""
    return [now - times[0], *map(sub, times[1:], times)] if times else []


def _times(ages: Sequence[int], now: int) -> tuple[int, ...]:
    return tuple(accumulate(_whole(ages)[1:], initial=now - ages[0])) if ages else ()


def _integers(column: Sequence[int]) -> Sequence[int]:
    """Take hashes and bits. A sum is the fastest look at all types: of integers alone it is one."""
    if type(sum(column)) is not int:
        raise TypeError
    return column


def _whole(column: Sequence[int], least: int = -MOST) -> Sequence[int]:
    """Take what is reckoned with."""
    total = sum(column)
    if type(total) is not int or not least <= total <= MOST:
        raise TypeError
    return column


def _texts(column: Sequence[str]) -> Sequence[str]:
    "".join(column)  # raises TypeError at anything but text
    return column


def _text(value: str | None) -> str | None:
    if value is not None:
        _texts((value,))
    return value


_readable = "|".join(map(str, sorted(READS)))

starts_as_visitor = re.compile(
    rb'\{"applied":-?\d{1,18}(?:\}|,"version":(?:%s)[,}]|,(?!"version":))' % _readable.encode()
).match
"""Gives a match where `applied_of` can read the bytes: a restore asks this of millions."""


def applied_of(data: bytes) -> int:
    """Read which source offset a visitor was last changed by.

    >>> applied_of(b'{"applied":17,"version":1}')
    17

    Raises:
        DecodeError: the bytes do not start as a visitor does, or as one of a version this build does not read.
    """
    found = APPLIED.match(data)
    if found is None:
        raise DecodeError("schema", "Visitor: does not start with applied")
    if found[2] not in _READ_BYTES:
        raise _unknown(int(found[2]))
    return int(found[1])


def _unknown(version: int) -> DecodeError:
    read = ", ".join(map(str, sorted(READS)))
    return DecodeError("unknown_version", f"Visitor: version {version}, this build reads {read}")


def clock_of(data: bytes) -> int:
    """Read the time of a visitor's newest event, milliseconds since 1970.

    >>> clock_of(b'{"applied":17,"version":1,"clock":1777636800000,"seen":""}')
    1777636800000

    Raises:
        DecodeError: the bytes do not start as a visitor does.
    """
    found = CLOCK.match(data)
    if found is None:
        raise DecodeError("schema", "Visitor: does not start with applied, version and clock")
    return int(found[1])
