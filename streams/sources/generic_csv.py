"""Any delimited file of events, through a mapping of its columns."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast, get_args

from models.scoring import CLICKS
from schemas.errors import RefusedError
from schemas.events import Event, EventName, Item, Page
from schemas.products import Product
from streams.sources.event_file import Fields, TimedRow, one_each
from streams.sources.fields import category_path, known_price, parse_price, parse_quantity, parse_time, title_of
from streams.sources.rows import LineRefusedError, Row, header_of, shown

MEANINGS = ("session", "item", "time", "user", "kind", "title", "price", "quantity", "brand", "category", "currency")
"""What a column can be mapped to; `item` and one of `user` and `session` are needed, and `time` unless lines stand in
their order and sessions are named."""

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""The time of line 0 of a file without times; each line is a second."""

SYNONYMS: dict[str, EventName] = {
    "view": "view_item",
    "click": "view_item",
    "clicks": "view_item",
    "detail": "view_item",
    "select": "select_item",
    "cart": "add_to_cart",
    "carts": "add_to_cart",
    "addtocart": "add_to_cart",
    "add": "add_to_cart",
    "remove": "remove_from_cart",
    "buy": "purchase",
    "order": "purchase",
    "orders": "purchase",
    "transaction": "purchase",
}
"""Words for kinds of event that public data sets use, beside GA4's own names."""

PAGE_KINDS: dict[EventName, str] = {
    "view_item": "product",
    "select_item": "product",
    "add_to_cart": "cart",
    "remove_from_cart": "cart",
    "purchase": "confirmation",
    "refund": "confirmation",
}


def parse_columns(text: str) -> dict[str, str]:
    """Read `session=SessionId,item=ItemId,time=Time`.

    Returns:
        the column name of each meaning.

    Raises:
        RefusedError: an unknown or repeated meaning, or one that is needed is not there.
    """
    columns: dict[str, str] = {}
    for pair in filter(None, text.split(",")):
        meaning, equals, column = (part.strip() for part in pair.partition("="))
        if not equals or not column or meaning not in MEANINGS or meaning in columns:
            known = ", ".join(f"{name}=COLUMN" for name in MEANINGS)
            raise RefusedError(f"--columns: '{pair}' is not one of {known}, each at most once.")
        columns[meaning] = column
    ordered = "time" in columns or "session" in columns
    if "item" not in columns or not ordered or not {"user", "session"} & columns.keys():
        raise RefusedError(
            "--columns must name the columns of the item, the time and the user or session, such as "
            "--columns session=SessionId,item=ItemId,time=Time; without a time, lines count in their order and need a "
            "session."
        )
    return columns


def columns_of(path: Path) -> dict[str, str]:
    """Take the columns that are called as what they mean, `session`, `item`, `time` ..., where none are named.

    Raises:
        RefusedError: the file cannot be read, or one that is needed is called otherwise.
    """
    header = header_of(path)
    if not header:
        raise RefusedError(f"{path} begins with an empty line: its first line must name the columns.")
    try:
        return parse_columns(",".join(f"{name}={name}" for name in MEANINGS if name in header))
    except RefusedError as error:
        raise RefusedError(f"{error} {path} has {shown(header)}.") from None


class GenericCsv:
    """A file whose columns are named by the caller; without a `kind` column every row is a `view_item`.

    Args:
        columns: the column name of each meaning, from `parse_columns`.
        start: the time of line 0, where no column tells times.
    """

    kind = "the file these --columns describe"
    labels = CLICKS

    def __init__(self, columns: Mapping[str, str], *, start: datetime = FIRST) -> None:
        self.columns = dict(columns)
        self._start = start
        self.required = tuple(dict.fromkeys(columns.values()))
        about = ("item", "title", "brand", "category", "price", "currency")
        self.product_columns = tuple(dict.fromkeys(columns[name] for name in about if name in columns))

    def at(self, row: Row) -> datetime:
        """Read the time column: ISO 8601 or seconds or milliseconds since 1970; without one, count lines."""
        if "time" not in self.columns:
            return self._start + timedelta(seconds=row.line)
        return parse_time(row.fields[self.columns["time"]])

    def visit(self, fields: Fields) -> str | None:
        """Give the session column, where there is one."""
        return self._get(fields, "session") or None

    def events(self, rows: Iterable[TimedRow], refused: Counter[str]) -> Iterator[Event]:
        """Turn each row into one event."""
        return one_each(rows, refused, self._event)

    def product(self, fields: Fields, seen_at: datetime) -> Product:
        """Describe a product by what the mapping names."""
        product_id, brand = self._get(fields, "item"), self._get(fields, "brand")
        text = self._get(fields, "category")
        category = category_path(text, ">" if ">" in text else "/")
        return Product(
            product_id=product_id,
            title=title_of(title=self._get(fields, "title"), brand=brand, category=category, product_id=product_id),
            category=category,
            brand=brand[:128] or None,
            price=known_price(self._get(fields, "price")),
            currency=self._get(fields, "currency") or None,
            updated_at=seen_at,
        )

    def _event(self, row: TimedRow) -> Event:
        session, user = self._get(row.fields, "session"), self._get(row.fields, "user")
        name = self._name(row.fields)
        item = Item(
            product_id=self._get(row.fields, "item"),
            quantity=parse_quantity(self._get(row.fields, "quantity")),
            price=parse_price(self._get(row.fields, "price")),
            currency=self._get(row.fields, "currency") or None,
        )
        return Event(
            event_id=row.event_id,
            name=name,
            visitor_id=user or session,
            user_id=user or None,
            at=row.at,
            items=(item,),
            page=Page(kind=PAGE_KINDS.get(name)),
            consent="personalisation",
        )

    def _name(self, fields: Fields) -> EventName:
        if "kind" not in self.columns:
            return "view_item"
        word = self._get(fields, "kind").lower()
        for name in get_args(EventName):
            if word == name and name not in {"identify", "forget", "page_ping"}:
                return cast("EventName", name)
        if word not in SYNONYMS:
            raise LineRefusedError("kind")
        return SYNONYMS[word]

    def _get(self, fields: Fields, meaning: str) -> str:
        return fields[self.columns[meaning]] if meaning in self.columns else ""
