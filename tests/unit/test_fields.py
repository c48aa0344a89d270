"""Text to times, prices and quantities."""

import pytest

from schemas.record import rfc3339
from streams.sources.fields import parse_price, parse_quantity, parse_time, title_of
from streams.sources.rows import LineRefusedError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-10-01 00:00:07 UTC", "2019-10-01T00:00:07.000Z"),
        ("2019-10-01T02:00:07.5+02:00", "2019-10-01T00:00:07.500Z"),
        ("2010-12-01 08:26:00", "2010-12-01T08:26:00.000Z"),
        ("12/1/2010 8:26", "2010-12-01T08:26:00.000Z"),
        ("1590999999", "2020-06-01T08:26:39.000Z"),
        ("1590999999123", "2020-06-01T08:26:39.123Z"),
    ],
)
def test_times_are_understood(text: str, expected: str) -> None:
    """ISO 8601, the public data sets' own, and epochs; UTC where nothing is said."""
    assert rfc3339(parse_time(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "1999-12-31", "1970-01-01 00:00:00", "9" * 16, "13/13/2010 8:26", "0001-01-01T00:00:00+14:00"],
)
def test_what_is_no_time_of_an_event_is_refused(text: str) -> None:
    """Nothing is guessed, and nothing before 2000 is a real event."""
    with pytest.raises(LineRefusedError, match="time"):
        parse_time(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e10", "5 USD"])
def test_what_is_no_price_is_refused(text: str) -> None:
    """No NaN, no infinity, nothing negative."""
    with pytest.raises(LineRefusedError, match="price"):
        parse_price(text)


@pytest.mark.parametrize("text", ["1.5", "many", "nan", "1e300"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """Whole numbers within reason."""
    with pytest.raises(LineRefusedError, match="quantity"):
        parse_quantity(text)


def test_empty_price_and_quantity_have_their_meaning() -> None:
    """No price is unknown, no quantity is one."""
    assert (parse_price(""), parse_quantity("")) == (None, 1)


def test_titles_fall_back_to_what_is_known() -> None:
    """Title, else brand and last category, else either, else the id."""
    assert title_of(title=" Mug ", brand="b", category=("c",), product_id="7") == "Mug"
    assert title_of(title="", brand="", category=("home", "sofa"), product_id="7") == "Sofa"
    assert title_of(title="", brand="ikea", category=(), product_id="7") == "Ikea"
    assert title_of(title="", brand="", category=(), product_id="7") == "7"
