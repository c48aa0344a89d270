"""Inputs from inputs: JSON taken apart and put together wrongly, bytes turned over, pieces of one in another."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 1e308, -1e-320, float("nan"), float("inf"), "", " ",
    "\0watermark", "\ud800", "é⛺", "x" * 129, "x" * 3000, "1" * 5000, [], {}, [[]], [None], {"": None}, "AAA", "====",
    "1.0", "2.0", "99.1", "personalisation", "9999-12-31T23:59:59.999+23:59", "0001-01-01T00:00:00-23:59",
    "2026-05-01T12:00:00", "2026-W01", "24:00",
)  # fmt: skip
"""Values that have broken readers of JSON, Python, Kafka or calendars before."""

MOST_BYTES = 20_000


def mutated(data: bytes, random: Random, others: Sequence[bytes] = (), words: Sequence[str] = ()) -> bytes:
    """Change an input a little, one to four times.

    Args:
        data: any bytes.
        random: draws.
        others: inputs whose pieces may be used.
        words: field names and values that the reader knows.
    """
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        data = _changed(data, random, others, words)[:MOST_BYTES]
    return data


def _changed(data: bytes, random: Random, others: Sequence[bytes], words: Sequence[str]) -> bytes:
    if random.random() < 0.75:
        try:
            plain = json.loads(data)
        except (ValueError, RecursionError):
            pass
        else:
            return _written(_within(plain, random, words), random)
    return random.choice(_BYTES)(bytearray(data), random, others)


def _written(plain: Any, random: Random) -> bytes:
    text = json.dumps(plain, ensure_ascii=random.random() < 0.5, separators=random.choice(((",", ":"), (", ", ": "))))
    return text.encode(errors="surrogatepass")


def _within(plain: Any, random: Random, words: Sequence[str]) -> Any:
    """Go down to some place and change what is there."""
    if isinstance(plain, dict) and plain and random.random() < 0.85:
        return _in_object(dict(plain), random, words)
    if isinstance(plain, list) and plain and random.random() < 0.8:
        return _in_list(list(plain), random, words)
    return _other(plain, random, words)


def _in_object(plain: dict[str, Any], random: Random, words: Sequence[str]) -> dict[str, Any]:
    name = random.choice(list(plain))
    match random.randrange(8):
        case 0:
            del plain[name]
        case 1:
            plain[random.choice(words) if words else name + "x"] = plain[name]
        case 2 if words:
            plain[random.choice(words)] = _odd(random, words)
        case 3:
            plain[name] = plain[random.choice(list(plain))]
        case _:
            plain[name] = _within(plain[name], random, words)
    return plain


def _in_list(plain: list[Any], random: Random, words: Sequence[str]) -> list[Any]:
    at = random.randrange(len(plain))
    match random.randrange(7):
        case 0:
            del plain[at]
        case 1:
            plain.insert(at, plain[random.randrange(len(plain))])
        case 2:
            plain[at:] = plain[at:] * random.choice((2, 30))
        case _:
            plain[at] = _within(plain[at], random, words)
    return plain


def _other(plain: Any, random: Random, words: Sequence[str]) -> Any:
    """Put something beside a value in its place: often of the same kind, which is what readers forget."""
    draw = random.random()
    if isinstance(plain, bool | None) or draw < 0.4:
        return _odd(random, words)
    if isinstance(plain, int):
        return plain + random.choice((-1, 1, 2**16, -(2**40), -2 * plain))
    if isinstance(plain, float):
        return random.choice((-plain, plain * 1e300, int(plain) if abs(plain) < 1e300 else 0))
    if isinstance(plain, str):
        at = random.randint(0, len(plain))
        return plain[:at] + random.choice(("", "\x00", "=", "é", "0", "-", "Z")) + plain[at + random.randrange(2) :]
    return random.choice(([plain], {"a": plain}, str(plain)))


def _odd(random: Random, words: Sequence[str]) -> Any:
    return random.choice(words) if words and random.random() < 0.3 else random.choice(ODD)


def _flip(data: bytearray, random: Random, _others: Sequence[bytes]) -> bytes:
    for _ in range(random.choice((1, 1, 8))):
        if data:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def _cut(data: bytearray, random: Random, _others: Sequence[bytes]) -> bytes:
    start, end = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    return bytes(data[:start]) if random.random() < 0.5 else bytes(data[:start] + data[end:])


def _insert(data: bytearray, random: Random, _others: Sequence[bytes]) -> bytes:
    at = random.randint(0, len(data))
    piece = random.choice((random.randbytes(random.randrange(9)), b"\xff\xfe", b"[" * 300, b'{"a":' * 200, b"9" * 4400))
    return bytes(data[:at] + piece + data[at:])


def _splice(data: bytearray, random: Random, others: Sequence[bytes]) -> bytes:
    if not others:
        return _flip(data, random, others)
    other = random.choice(others)
    return bytes(data[: random.randint(0, len(data))]) + other[random.randint(0, len(other)) :]


_BYTES: tuple[Callable[[bytearray, Random, Sequence[bytes]], bytes], ...] = (_flip, _flip, _cut, _insert, _splice)
