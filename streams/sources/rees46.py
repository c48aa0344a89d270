"""REES46's "eCommerce behavior data from multi category store": views, carts and purchases with users and sessions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from models.scoring import CLICKS
from schemas.events import Event, EventName, Item, Page
from schemas.products import Product
from streams.sources.event_file import Fields, TimedRow, one_each
from streams.sources.fields import category_path, known_price, parse_price, parse_time, title_of
from streams.sources.rows import LineRefusedError, Row

KINDS: dict[str, tuple[EventName, str]] = {
    "view": ("view_item", "product"),
    "cart": ("add_to_cart", "cart"),
    "remove_from_cart": ("remove_from_cart", "cart"),
    "purchase": ("purchase", "confirmation"),
}
"""Its event types, as ours and as the kind of page each happens on."""


class Rees46:
    """The columns of the monthly CSV files; prices are US dollars."""

    kind = "a REES46 event file"
    required: tuple[str, ...] = (
        "event_time",
        "event_type",
        "product_id",
        "category_code",
        "brand",
        "price",
        "user_id",
        "user_session",
    )
    product_columns: tuple[str, ...] = ("product_id", "category_code", "brand", "price")
    labels = CLICKS

    def at(self, row: Row) -> datetime:
        """Read `event_time`, UTC to the second."""
        return parse_time(row.fields["event_time"])

    def visit(self, _fields: Fields) -> None:
        """Leave visits to our own rule: visitors are users here, and go on where they were."""

    def events(self, rows: Iterable[TimedRow], refused: Counter[str]) -> Iterator[Event]:
        """Turn each line into one event; visits end by our own rule, since visitors are users here.

        The shop's session is no page view, so it does not travel: dwell is the gap to the visitor's next event.
        """
        return one_each(rows, refused, _event)

    def product(self, fields: Fields, seen_at: datetime) -> Product:
        """Describe a product; the files have no titles."""
        category = category_path(fields["category_code"], ".")
        product_id, brand = fields["product_id"], fields["brand"]
        return Product(
            product_id=product_id,
            title=title_of(title="", brand=brand, category=category, product_id=product_id),
            category=category,
            brand=brand[:128] or None,
            price=known_price(fields["price"]),
            currency="USD",
            updated_at=seen_at,
        )


def _event(row: TimedRow) -> Event:
    fields = row.fields
    if fields["event_type"] not in KINDS:
        raise LineRefusedError("event_type")
    name, page = KINDS[fields["event_type"]]
    session, user = fields["user_session"], fields["user_id"]
    return Event(
        event_id=row.event_id,
        name=name,
        visitor_id=user or session,
        user_id=user or None,
        at=row.at,
        items=(Item(product_id=fields["product_id"], price=parse_price(fields["price"]), currency="USD"),),
        page=Page(kind=page),
        consent="personalisation",
    )
