"""bol.com's Serenade and the session-rec collection: clicks with a session, an item and a time, nothing else.

Source: Kersbergen et al., Serenade, SIGMOD 2022; Ludewig et al., UMUAI 2020 (session-rec).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from models.scoring import CLICKS
from schemas.events import Event, Item, Page
from schemas.products import Product
from streams.sources.event_file import Fields, TimedRow, one_each
from streams.sources.fields import parse_time
from streams.sources.rows import Row


class Serenade:
    """The columns of its files: SessionId, ItemId, Time (seconds since 1970), separated by tabs."""

    kind = "a Serenade or session-rec file"
    required: tuple[str, ...] = ("SessionId", "ItemId", "Time")
    product_columns: tuple[str, ...] = ("ItemId",)
    labels = CLICKS

    def at(self, row: Row) -> datetime:
        """Read `Time`."""
        return parse_time(row.fields["Time"])

    def events(self, rows: Iterable[TimedRow], refused: Counter[str]) -> Iterator[Event]:
        """Turn each line into a `view_item`."""
        return one_each(rows, refused, _event)

    def visit(self, fields: Fields) -> str:
        """Give the session a row belongs to."""
        return fields["SessionId"]

    def product(self, fields: Fields, seen_at: datetime) -> Product:
        """Name a product; nothing else is known of it."""
        return Product(product_id=fields["ItemId"], title=fields["ItemId"], updated_at=seen_at)


def _event(row: TimedRow) -> Event:
    fields = row.fields
    return Event(
        event_id=row.event_id,
        name="view_item",
        visitor_id=fields["SessionId"],
        at=row.at,
        items=(Item(product_id=fields["ItemId"]),),
        page=Page(kind="product"),
        consent="personalisation",
    )
