"""The formats by name."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from schemas.errors import RefusedError
from schemas.products import Product
from streams.sources.catalog_csv import CatalogCsv
from streams.sources.event_file import EventFile, Layout
from streams.sources.generic_csv import FIRST, GenericCsv, columns_of, parse_columns
from streams.sources.google_merchant import GoogleMerchant
from streams.sources.rees46 import Rees46
from streams.sources.serenade import Serenade
from streams.sources.uci import Uci

EVENT_FORMATS = ("serenade", "rees46", "uci", "csv")
CATALOG_FORMATS = ("google-merchant", "csv")


class Catalog(Protocol):
    """A file of products; `refused` counts, by reason, what the last reading left out."""

    refused: Counter[str]

    def products(self) -> Iterator[Product]:
        """Give the products."""


def open_events(
    path: Path,
    name: str,
    *,
    columns: str | None = None,
    limit: int | None = None,
    after: EventFile | None = None,
) -> EventFile:
    """Open a file of events.

    Args:
        path: the file, gzipped or plain.
        name: one of `EVENT_FORMATS`.
        columns: for `csv`, which column means what; None: what they are called.
        limit: read only this many rows.
        after: the file before this one, whose lines come first where neither tells times.

    Raises:
        RefusedError: an unknown format, or columns given where they are fixed or missing where they are not.
    """
    if columns is not None and name != "csv":
        raise RefusedError(f"--columns belongs to --format csv; {name} files have fixed columns.")
    layouts: dict[str, Layout] = {"serenade": Serenade(), "rees46": Rees46(), "uci": Uci()}
    if name in layouts:
        return EventFile(path, layouts[name], limit=limit)
    if name != "csv":
        raise RefusedError(f"--format {name} is not known for events: use one of {', '.join(EVENT_FORMATS)}.")
    start = FIRST if after is None else FIRST + timedelta(seconds=after.content.lines)
    named = columns_of(path) if columns is None else parse_columns(columns)
    return EventFile(path, GenericCsv(named, start=start), limit=limit)


def open_catalog(path: Path, name: str) -> Catalog:
    """Open a file of products.

    Args:
        path: the file, gzipped or plain.
        name: one of `CATALOG_FORMATS`.

    Raises:
        RefusedError: an unknown format.
    """
    if name == "google-merchant":
        return GoogleMerchant(path)
    if name == "csv":
        return CatalogCsv(path)
    raise RefusedError(f"--format {name} is not known for catalogues: use one of {', '.join(CATALOG_FORMATS)}.")
