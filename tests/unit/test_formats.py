"""Formats by name."""

from pathlib import Path

import pytest

from schemas.errors import RefusedError
from streams.sources.formats import open_catalog, open_events


@pytest.mark.parametrize("name", ["", "parquet"])
def test_an_unknown_format_is_refused_with_the_known_ones(name: str) -> None:
    """Of events and of catalogues."""
    with pytest.raises(RefusedError, match="rees46, uci, csv"):
        open_events(Path("x"), name)
    with pytest.raises(RefusedError, match="google-merchant, csv"):
        open_catalog(Path("x"), name)


def test_columns_belong_to_csv() -> None:
    """The others have fixed columns, and csv needs them."""
    with pytest.raises(RefusedError, match="fixed columns"):
        open_events(Path("x"), "uci", columns="item=a")
    with pytest.raises(RefusedError, match="--columns must name"):
        open_events(Path("x"), "csv")
