"""UCI "Online Retail": invoice lines of a gift-ware shop. A line is an `add_to_cart`, its invoice a `purchase`.

Source: Chen, Sain & Guo 2012; https://archive.ics.uci.edu/dataset/352/online+retail
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from pydantic import ValidationError

from schemas.events import MAX_ITEMS, Event, EventName, Item, Landing, Page
from schemas.products import Product
from streams.sources.event_file import Fields, TimedRow, reason_of
from streams.sources.fields import known_price, parse_price, parse_quantity, parse_time, title_of
from streams.sources.rows import LineRefusedError, Row

COUNTRIES = {
    "Australia": "AU", "Austria": "AT", "Bahrain": "BH", "Belgium": "BE", "Brazil": "BR", "Canada": "CA",
    "Cyprus": "CY", "Czech Republic": "CZ", "Denmark": "DK", "EIRE": "IE", "Finland": "FI", "France": "FR",
    "Germany": "DE", "Greece": "GR", "Hong Kong": "HK", "Iceland": "IS", "Israel": "IL", "Italy": "IT",
    "Japan": "JP", "Lebanon": "LB", "Lithuania": "LT", "Malta": "MT", "Netherlands": "NL", "Norway": "NO",
    "Poland": "PL", "Portugal": "PT", "RSA": "ZA", "Saudi Arabia": "SA", "Singapore": "SG", "Spain": "ES",
    "Sweden": "SE", "Switzerland": "CH", "USA": "US", "United Arab Emirates": "AE", "United Kingdom": "GB",
}  # fmt: skip
"""Its country names that are countries."""

_GOODS = re.compile(r"[0-9]{4}")
"""Stock codes of goods hold a number; POST, D, M, BANK CHARGES and the like are bookkeeping."""


class Uci:
    """The columns of the CSV; prices are pounds, times are to the minute, the seller's clock taken as UTC."""

    kind = "a UCI Online Retail file"
    required: tuple[str, ...] = (
        "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country",
    )  # fmt: skip
    product_columns: tuple[str, ...] = ("StockCode", "Description", "UnitPrice")
    labels: frozenset[EventName] = frozenset({"add_to_cart"})

    def at(self, row: Row) -> datetime:
        """Read `InvoiceDate`."""
        return parse_time(row.fields["InvoiceDate"])

    def visit(self, _fields: Fields) -> None:
        """Leave visits to our own rule: two invoices within minutes are one."""

    def events(self, rows: Iterable[TimedRow], refused: Counter[str]) -> Iterator[Event]:
        """Turn each line into `add_to_cart` and each invoice (neighbouring lines of one number) into `purchase`.

        A cancelled invoice (its number starts with C) becomes a `refund` and no `add_to_cart`. An invoice of more than
        200 lines becomes several purchases.
        """
        for invoice, lines in groupby(rows, key=lambda row: row.fields["InvoiceNo"]):
            yield from _invoice(lines, refused, cancelled=invoice[:1].upper() == "C")

    def product(self, fields: Fields, seen_at: datetime) -> Product:
        """Describe a product; what is not goods is hidden."""
        code = fields["StockCode"]
        return Product(
            product_id=code,
            title=title_of(title=fields["Description"], brand="", category=(), product_id=code),
            price=known_price(fields["UnitPrice"]),
            currency="GBP",
            hidden=_GOODS.search(code) is None,
            updated_at=seen_at,
        )


def _invoice(lines: Iterable[TimedRow], refused: Counter[str], *, cancelled: bool) -> Iterator[Event]:
    """Give an invoice's events; holds at most 200 of its lines."""
    items: list[Item] = []
    row = None
    for line in lines:
        try:
            item = _item(line.fields, cancelled=cancelled)
            cart = _event(line, "add_to_cart", (item,))
        except LineRefusedError as error:
            refused[error.reason] += 1
            continue
        except ValidationError as error:
            refused[reason_of(error)] += 1
            continue
        row = line
        items.append(item)
        if not cancelled:
            yield cart
        if len(items) == MAX_ITEMS:
            yield _event(row, "refund" if cancelled else "purchase", tuple(items))
            items = []
    if row is not None and items:
        yield _event(row, "refund" if cancelled else "purchase", tuple(items))


def _item(fields: Fields, *, cancelled: bool) -> Item:
    quantity = parse_quantity(fields["Quantity"]) * (-1 if cancelled else 1)
    if quantity <= 0:  # stock corrections and write-offs: nobody bought anything
        raise LineRefusedError("quantity")
    return Item(
        product_id=fields["StockCode"], quantity=quantity, price=parse_price(fields["UnitPrice"]), currency="GBP"
    )


def _event(row: TimedRow, name: EventName, items: tuple[Item, ...]) -> Event:
    """Make an event; an invoice is named by its last line, so its id differs from that line's own."""
    invoice, customer = row.fields["InvoiceNo"], row.fields["CustomerID"].removesuffix(".0")
    cart = name == "add_to_cart"
    country = COUNTRIES.get(row.fields["Country"])
    return Event(
        event_id=row.event_id if cart else f"{row.event_id}-{name}",
        name=name,
        visitor_id=customer or f"invoice-{invoice}",
        user_id=customer or None,
        at=row.at,
        items=items,
        page=Page(kind="cart" if cart else "confirmation"),
        context=Landing(country=country) if country else None,
        consent="personalisation",
    )
