"""Rows of a delimited file, by column name, with their line numbers."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.errors import RefusedError
from streams.sources.lines import opened, text_lines

DELIMITERS = ",\t;|"


class Row(NamedTuple):
    """One record of a file: the 1-based line it ends on, and its fields by column name, trimmed."""

    line: int
    fields: dict[str, str]


class LineRefusedError(ValueError):
    """Count this line as refused and go on; `reason` is a word or two, without the line's contents."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_rows(
    path: Path,
    *,
    required: Sequence[str],
    refused: Counter[str],
    limit: int | None = None,
    kind: str,
) -> Iterator[Row]:
    """Read a delimited file row by row; the delimiter is the commonest of comma, tab, semicolon and bar in its header.

    Args:
        path: the file, gzipped or plain.
        required: columns that must be there.
        refused: counts, by reason, the lines that are not rows.
        limit: stop after this many rows, refused ones included.
        kind: what the file should be, for the sentence that says it is not.

    Raises:
        RefusedError: the file cannot be read, has no header, or lacks a column.
    """
    with opened(path) as stream:
        lines = text_lines(stream, refused)
        first = next(lines, "")
        delimiter, header = _header(path, first)
        missing = [name for name in required if name not in header]
        if missing:
            there = f"It has {shown(header)}." if first.strip() else "Its first line is empty."
            raise RefusedError(f"{path} has no column {', '.join(missing)}: is it really {kind}? {there}")
        twice = [name for name in required if header.count(name) > 1]
        if twice:
            raise RefusedError(f"{path} has more than one column {', '.join(twice)}: rename those that are not meant.")
        yield from _rows(lines, header, delimiter=delimiter, refused=refused, limit=limit)


def header_of(path: Path) -> list[str]:
    """Read the names of a file's columns.

    Raises:
        RefusedError: the file cannot be read.
    """
    with opened(path) as stream:
        _, header = _header(path, next(text_lines(stream, Counter()), ""))
    return header


def shown(header: Sequence[str]) -> str:
    """Write the names of columns on one line: the first twenty, printable and short."""
    names = ["".join(one for one in name if one.isprintable())[:40] for name in header[:20]]
    return ", ".join(filter(None, names)) + (" ..." if len(header) > 20 else "")


def _header(path: Path, line: str) -> tuple[str, list[str]]:
    """Read the delimiter and the names of the columns; a line that is no row has none."""
    if "\r" in line.rstrip("\r\n"):
        raise RefusedError(f"{path} ends its lines with CR alone: save it with LF.")
    delimiter = max(DELIMITERS, key=line.count)
    try:
        return delimiter, [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return delimiter, []


def _rows(
    lines: Iterator[str], header: Sequence[str], *, delimiter: str, refused: Counter[str], limit: int | None
) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter)
    taken = 0
    while limit is None or taken < limit:
        before = reader.line_num
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a quote that never closes: everything it swallowed is gone
            refused["unreadable"] += reader.line_num - before
            taken += 1
            continue
        if not values:
            continue
        taken += 1
        if len(values) != len(header):
            refused["wrong number of fields"] += 1
            continue
        # +1 for the header, which was read apart.
        yield Row(reader.line_num + 1, {name: value.strip() for name, value in zip(header, values, strict=True)})
