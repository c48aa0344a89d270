"""Tables as they are shown and written."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Sheet(NamedTuple):
    """One table: a title, what it says, the head and its lines."""

    title: str
    note: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]


def show(sheets: Iterable[Sheet], console: Console) -> None:
    """Print tables."""
    for sheet in sheets:
        table = Table(*sheet.head, title=sheet.title, caption=sheet.note)
        for line in sheet.lines:
            table.add_row(*line)
        console.print(table)
