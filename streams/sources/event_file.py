"""A file of events in event-time order, with the products it mentions: what all event formats share."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import orjson
from pydantic import ValidationError

from schemas.events import Event, EventName
from schemas.products import Product
from schemas.record import epoch_ms, from_epoch_ms
from streams.sources.lines import Content, fingerprint
from streams.sources.pace import Pace
from streams.sources.rows import LineRefusedError, Row, read_rows

Fields = Mapping[str, str]


class TimedRow(NamedTuple):
    """A row with its event time and the id its line gives an event."""

    event_id: str
    at: datetime
    fields: Fields


class Layout(Protocol):
    """What one file format says: which columns it has and what its rows mean.

    `product_columns` hold what is known of a product, its id first; `labels` are the events that count as a click.
    """

    kind: str
    required: tuple[str, ...]
    product_columns: tuple[str, ...]
    labels: frozenset[EventName]

    def at(self, row: Row) -> datetime:
        """Give a row's time, or refuse the line."""

    def visit(self, fields: Fields) -> str | None:
        """Name the session a row belongs to, None where a visit ends by our own rule."""

    def events(self, rows: Iterable[TimedRow], refused: Counter[str]) -> Iterator[Event]:
        """Turn rows in time order into events in time order."""

    def product(self, fields: Fields, seen_at: datetime) -> Product:
        """Describe a product by the last text each of its columns held."""


class Survey(NamedTuple):
    """What a first reading finds.

    Whether the rows are in time order, whether their times tell how long somebody looked, whether they name their
    visits, whether no time is finer than a minute, the first and the last time (None without rows), what they say of
    products.
    """

    in_order: bool
    tells_dwell: bool
    names_visits: bool
    whole_minutes: bool
    first: datetime | None
    last: datetime | None
    products: dict[str, tuple[dict[str, str], datetime]]


class EventFile:
    """A file of events.

    Args:
        path: the file, gzipped or plain.
        layout: its format.
        limit: read only this many rows.

    Attributes:
        refused: lines left out by the last full reading of `events`, by reason.
        taken: rows read so far by that reading, refused ones left out.
    """

    def __init__(self, path: Path, layout: Layout, *, limit: int | None = None) -> None:
        self.path = path
        self.layout = layout
        self.limit = limit
        self.refused: Counter[str] = Counter()
        self.taken = 0

    @property
    def rows(self) -> int:
        """Count the rows there are to read."""
        rows = max(0, self.content.lines - 1)
        return rows if self.limit is None else min(rows, self.limit)

    @cached_property
    def content(self) -> Content:
        """Name what the file holds; event ids come from it."""
        return fingerprint(self.path)

    @cached_property
    def id_prefix(self) -> str:
        """Give what the ids of its events begin with."""
        return self.content.digest[:16]

    @cached_property
    def survey(self) -> Survey:
        """Read the file once for its products and its order."""
        products: dict[str, tuple[dict[str, str], datetime]] = {}
        first: datetime | None = None
        last: datetime | None = None
        in_order = True
        pace = Pace()
        for row in self._timed(Counter()):
            pace.add(self.layout.visit(row.fields), epoch_ms(row.at))
            in_order = in_order and (last is None or last <= row.at)
            first, last = min(first or row.at, row.at), max(last or row.at, row.at)
            known, seen_at = products.get(row.fields[self.layout.product_columns[0]], ({}, row.at))
            known.update({name: row.fields[name] for name in self.layout.product_columns if row.fields[name]})
            products[row.fields[self.layout.product_columns[0]]] = known, max(seen_at, row.at)
        return Survey(in_order, pace.tells_dwell, pace.names_visits, pace.whole_minutes, first, last, products)

    def products(self) -> Iterator[Product]:
        """Give each product once, as last seen, by id; those whose id no record can hold are left out."""
        for _, (known, seen_at) in sorted(self.survey.products.items()):
            try:
                yield self.layout.product({name: known.get(name, "") for name in self.layout.product_columns}, seen_at)
            except ValidationError:
                continue  # its events are refused and counted

    def events(self) -> Iterator[Event]:
        """Give the events in event-time order, the same ones in the same order each time."""
        return (event for event, _ in self.events_with_rows())

    def events_with_rows(self) -> Iterator[tuple[Event, TimedRow]]:
        """Give the events, each with the last row that was read for it: its own where a row is an event."""
        self.refused, self.taken = Counter(), 0
        rows: Iterable[TimedRow] = self._timed(self.refused)
        tap = _Tap(rows if self.survey.in_order else _sorted(rows))
        return ((event, tap.last) for event in self.layout.events(tap, self.refused))

    def _timed(self, refused: Counter[str]) -> Iterator[TimedRow]:
        prefix = self.id_prefix
        for row in self._rows(refused):
            self.taken += 1
            try:
                yield TimedRow(f"{prefix}-{row.line}", self.layout.at(row), row.fields)
            except LineRefusedError as error:
                refused[error.reason] += 1

    def _rows(self, refused: Counter[str]) -> Iterator[Row]:
        return read_rows(
            self.path, required=self.layout.required, refused=refused, limit=self.limit, kind=self.layout.kind
        )


class _Tap:
    """Pass rows on and remember the last."""

    last: TimedRow

    def __init__(self, rows: Iterable[TimedRow]) -> None:
        self._rows = iter(rows)

    def __iter__(self) -> Iterator[TimedRow]:
        for row in self._rows:
            self.last = row
            yield row


def one_each(rows: Iterable[TimedRow], refused: Counter[str], convert: Callable[[TimedRow], Event]) -> Iterator[Event]:
    """Turn each row into one event; rows that no event can hold are counted by the field at fault."""
    for row in rows:
        try:
            yield convert(row)
        except LineRefusedError as error:
            refused[error.reason] += 1
        except ValidationError as error:
            refused[reason_of(error)] += 1


def reason_of(error: ValidationError) -> str:
    """Name the first field at fault."""
    return next((part for part in reversed(error.errors()[0]["loc"]) if isinstance(part, str)), "record")


def _sorted(rows: Iterable[TimedRow]) -> Iterator[TimedRow]:
    """Sort on disk by time, then by place in the file: a file of any size, a few megabytes of memory."""
    with closing(sqlite3.connect("")) as database:
        database.execute("CREATE TABLE rows (at INTEGER, event_id TEXT, fields BLOB)")
        packed = ((epoch_ms(row.at), row.event_id, orjson.dumps(row.fields)) for row in rows)
        database.executemany("INSERT INTO rows VALUES (?, ?, ?)", packed)
        for at, event_id, fields in database.execute("SELECT at, event_id, fields FROM rows ORDER BY at, rowid"):
            yield TimedRow(event_id, from_epoch_ms(at), orjson.loads(fields))
