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


def test_columns_belong_to_csv(tmp_path: Path) -> None:
    """The others have fixed columns, and csv needs them, unless the file calls them as what they mean."""
    with pytest.raises(RefusedError, match="fixed columns"):
        open_events(Path("x"), "uci", columns="item=a")
    path = tmp_path / "log.csv"
    path.write_text("sku,session\n7,s1\n")
    with pytest.raises(RefusedError, match=r"--columns must name .* has sku, session\."):
        open_events(path, "csv")
    path.write_text("item,session,time,colour\n7,s1,1700000000,red\n")
    (event,) = open_events(path, "csv").events()
    assert (event.visitor_id, event.items[0].product_id) == ("s1", "7")
