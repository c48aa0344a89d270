"""What a person sees of the one visitor whom the demo's view follows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from streams.demo.watched import Watched

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_ITEMS = 6


def visitor_panels(watched: Watched, width: int) -> "RenderableType":
    """Show what the watched visitor did, and what their front page shows and why."""
    from rich.columns import Columns
    from rich.panel import Panel
    from rich.text import Text

    who = "simulated" if watched.simulated else "a person"
    steps = _lines([(verb, what) for verb, what in watched.steps], ("cyan", ""))
    slate: RenderableType = Text("no slate yet", style="dim")
    if watched.slate is not None:
        rows = [
            (f"{one.rank}", watched.titles.get(one.product_id, one.product_id), one.reason)
            for one in watched.slate.items[:SHOWN_ITEMS]
        ]
        slate = _lines(rows, ("dim", "", "green"))
    return Columns(
        [
            Panel(
                steps,
                title=Text(f"visitor {watched.visitor_id or '...'} ({who})"),  # an id may look like markup
                title_align="left",
                width=min(width, 62),
            ),
            Panel(slate, title="their slate, and why", title_align="left", width=min(width, 92)),
        ]
    )


def _lines(rows: Sequence[tuple[str, ...]], styles: tuple[str, ...]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for _ in styles:
        table.add_column(no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(cell, style=style) for cell, style in zip(row, styles, strict=True)))
    return table
