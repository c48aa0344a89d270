"""An audit in the terminal: nothing of a record gets there but printable text."""

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from streams.audit.counted import Row
from streams.audit.exploration import ABOUT, HEADER, TITLE, known, refusals, rows
from streams.audit.figures import Figure
from streams.audit.findings import Findings
from streams.audit.words import (
    COLUMNS,
    cells,
    exposures,
    groups,
    head,
    interval,
    judged_rows,
    number,
    refused,
    sentence,
    untold,
)
from streams.past.telling import plain_text

TOP = 10
"""Groups of a table that are printed; all are in --json, and 40 in the report."""

WIDTH = 100
"""Columns of an output that is no terminal."""

_WORDS = ("group", "draws")
"""Columns of words, beside the first."""

_STYLES = {"ok": "green", "crossed": "bold red", "not judged": "dim"}


def show(found: Findings, console: Console | None = None) -> None:
    """Print what an audit found."""
    console = console or Console(width=None if Console().is_terminal else WIDTH)
    for line in [*head(found), *refused(found), *untold(found)]:
        console.print(plain_text(line, 400), soft_wrap=True)
    tables = [_figures(found.figures), *(_exposure(name, rows) for name, rows in exposures(found).items())]
    if found.under_exposed:
        tables.append(_table("Under-exposed groups", *judged_rows(found.under_exposed)))
    for table in tables:
        console.print()
        console.print(table)
    _exploration(found, console)
    console.print()
    console.print(sentence(found), style="bold red" if found.crossed else "bold green", soft_wrap=True)


def _figures(figures: Sequence[Figure]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", title="Figures", title_justify="left")
    for name in ("figure", "value", "", "threshold", "verdict"):
        table.add_column(name, justify="right" if name == "value" else "left", no_wrap=True)
    table.add_column("made of", overflow="fold")
    for one in figures:
        limit = f"{one.bound} {number(one.limit)}"
        verdict = f"[{_STYLES[one.verdict]}]{one.verdict}[/]"
        value = "-" if math.isnan(one.value) else number(one.value)
        table.add_row(one.name, value, interval(one), limit, verdict, plain_text(one.note, 200))
    return table


def _exploration(found: Findings, console: Console) -> None:
    console.print()
    if known(found.explored):
        console.print(_table(TITLE, HEADER, rows(found.explored)))
        console.print(ABOUT, style="dim")
    else:
        console.print(TITLE, style="italic")
    for line in refusals(found.explored):
        console.print(plain_text(line, 400))


def _exposure(name: str, rows: Sequence[Row]) -> Table:
    chosen = groups(name, rows, TOP)
    more = f", {len(chosen)} of {len(rows)}" if len(chosen) < len(rows) else ""
    return _table(f"Exposure by {name}{more}", (name, *COLUMNS), [cells(row) for row in chosen])


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left")
    for at, name in enumerate(header):
        table.add_column(name, justify="right" if at and name not in _WORDS else "left", overflow="fold")
    for row in rows:
        table.add_row(*(plain_text(cell, 40) for cell in row))
    return table
