"""Write a letter for a terminal: whatever the bytes are, nothing but printable characters comes out."""

from collections.abc import Iterator
from contextlib import suppress

import orjson

from schemas.dead import DeadLetter
from schemas.record import rfc3339
from streams.dead.letters import id_of

MAX_TEXT_CHARS = 4_096
MAX_HEX_BYTES = 1024
LINE_CHARS = 160
BEFORE = 40


def printable(text: str) -> str:
    r"""Escape what a terminal could take for a command, and what would turn the reading order around.

    >>> printable(chr(27) + "[2J" + chr(0x202E) + "ok")
    '\\x1b[2J\\u202eok'
    """
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def describe(letter: DeadLetter) -> Iterator[str]:
    """Give the lines that say what a letter is and what its record holds."""
    source = letter.source
    yield f"letter    {id_of(source)}"
    yield f"source    {source.topic}, partition {source.partition}, offset {source.offset}"
    yield f"arrived   {rfc3339(source.timestamp)}"
    yield f"reason    {letter.reason}"
    yield f"detail    {printable(letter.detail)}"
    yield f"attempts  {letter.attempts}"
    key = letter.original_key()
    yield f"key       {'none' if key is None else printable(key.decode(errors='backslashreplace'))[:512]}"
    for name, value in letter.headers.items():
        yield f"header    {printable(name)}: {printable(value)}"
    yield f"value     {_size(letter)}"
    yield ""
    yield from describe_value(letter.original())


def describe_value(value: bytes | None) -> Iterator[str]:
    """Give a value's lines: JSON indented, text with the place where it stops being JSON, other bytes in hex."""
    if value is None:
        return
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        yield f"not UTF-8 from byte {error.start} on: 0x{value[error.start]:02x}"
        yield from _hex(value)
        return
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        yield f"not JSON: {printable(error.msg)}"
        yield from _place(text, error.pos)
        yield from _text(text)
        return
    with suppress(orjson.JSONEncodeError):  # nested deeper than it writes
        text = orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()
    yield from _text(text)


def _size(letter: DeadLetter) -> str:
    if letter.value is None:
        return "none"
    if letter.cut:
        kept = len(letter.original() or b"")
        return f"{letter.value_bytes:,} bytes, cut: only the first {kept:,} were kept, so it cannot be requeued"
    return f"{letter.value_bytes:,} bytes"


def _place(text: str, at: int) -> Iterator[str]:
    """Point at a character, with what stands before and after it."""
    start = max(0, at - BEFORE)
    before, after = printable(text[start:at]), printable(text[at : at + BEFORE])
    yield f"  {before}{after}"
    yield f"  {' ' * len(before)}^ character {at + 1:,}"
    yield ""


def _text(text: str) -> Iterator[str]:
    for line in text[:MAX_TEXT_CHARS].split("\n"):
        shown = printable(line)
        yield from (shown[at : at + LINE_CHARS] for at in range(0, max(1, len(shown)), LINE_CHARS))
    if len(text) > MAX_TEXT_CHARS:
        yield f"... {len(text) - MAX_TEXT_CHARS:,} more characters: --raw writes what is kept"


def _hex(value: bytes) -> Iterator[str]:
    for at in range(0, min(len(value), MAX_HEX_BYTES), 16):
        row = value[at : at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:08x}  {row.hex(' '):<47}  {text}"
    if len(value) > MAX_HEX_BYTES:
        yield f"... {len(value) - MAX_HEX_BYTES:,} more bytes: --raw writes what is kept"


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
