"""Text fields to times, numbers and names, refusing a line with a reason instead of guessing."""

import math
import re
from datetime import UTC, datetime

from schemas.events import EARLIEST_MS
from schemas.record import epoch_ms
from streams.sources.rows import LineRefusedError

_EPOCH_DIGITS = re.compile(r"[0-9]{9,16}(\.[0-9]+)?")


def parse_time(text: str) -> datetime:
    """Read a time; one without an offset is UTC.

    Understood: ISO 8601, a trailing ` UTC`, seconds or milliseconds since 1970, and `12/31/2010 8:26` (month first).

    >>> parse_time("2019-10-01 00:00:00 UTC").isoformat()
    '2019-10-01T00:00:00+00:00'
    >>> parse_time("1590999999").isoformat()
    '2020-06-01T08:26:39+00:00'

    Raises:
        LineRefusedError: "time" for anything else, and for times before the year 2000.
    """
    try:
        at = _parse(text.removesuffix(" UTC"))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise LineRefusedError("time") from None
    if epoch_ms(at) < EARLIEST_MS:
        raise LineRefusedError("time")
    return at


def _parse(text: str) -> datetime:
    if _EPOCH_DIGITS.fullmatch(text):
        number = float(text)
        return datetime.fromtimestamp(number / 1000 if number >= 1e11 else number, UTC)
    if "/" in text:
        return datetime.strptime(text, "%m/%d/%Y %H:%M").replace(tzinfo=UTC)
    return datetime.fromisoformat(text)


def parse_price(text: str) -> float | None:
    """Read a price of 0 or more; empty is unknown.

    Raises:
        LineRefusedError: "price" for what is no such number.
    """
    if not text:
        return None
    try:
        price = float(text)
    except ValueError:
        raise LineRefusedError("price") from None
    if not math.isfinite(price) or not 0 <= price <= 1e9:
        raise LineRefusedError("price")
    return price


def known_price(text: str) -> float | None:
    """Read a price, or take what is none as unknown: a product is more than its price."""
    try:
        return parse_price(text)
    except LineRefusedError:
        return None


def parse_quantity(text: str) -> int:
    """Read a whole number; empty is 1.

    Raises:
        LineRefusedError: "quantity" for what is no whole number.
    """
    try:
        number = float(text or "1")
    except ValueError:
        raise LineRefusedError("quantity") from None
    if not number.is_integer() or abs(number) > 1_000_000:
        raise LineRefusedError("quantity")
    return int(number)


def category_path(text: str, separator: str) -> tuple[str, ...]:
    """Split a category path; at most 12 levels of 128 characters.

    >>> category_path("appliances.environment.water_heater", ".")
    ('appliances', 'environment', 'water heater')
    """
    parts = (part.strip().replace("_", " ")[:128] for part in text.split(separator))
    return tuple(part for part in parts if part)[:12]


def title_of(*, title: str, brand: str, category: tuple[str, ...], product_id: str) -> str:
    """Name a product: its title, else its brand and last category, else its id.

    >>> title_of(title="", brand="lenovo", category=("computers", "notebook"), product_id="7")
    'Lenovo notebook'
    """
    if title.strip():
        return title.strip()[:512]
    words = " ".join(word for word in (brand.strip(), category[-1] if category else "") if word)
    return (words[:1].upper() + words[1:])[:512] if words else product_id
