"""The table: on the screen, and as the block of docs/operations.md."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from tests.stock.faults import Fault
from tests.stock.oracle import Tally
from tests.stock.run import Engine

BEGIN = "<!-- written by `make stock`: begin -->"
END = "<!-- written by `make stock`: end -->"
HEAD = ("fault", "engine", "events", "dead letters", "lost", "doubled", "state over", "state under")


@dataclass(frozen=True)
class Row:
    """What became of the events of one run."""

    fault: Fault
    engine: Engine
    tally: Tally

    def cells(self) -> list[str]:
        """Write it as a line of the table."""
        return [self.fault.name, self.engine.name, *map(_number, asdict(self.tally).values())]

    def plain(self) -> dict[str, object]:
        """Give it for a script."""
        return {"fault": self.fault.name, "engine": self.engine.name.replace("`", ""), **asdict(self.tally)}


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table."""
    table = Table(*HEAD)
    for row in rows:
        table.add_row(*row.cells())
    console.print(table)


def block(rows: Sequence[Row], where: Mapping[str, str]) -> str:
    """Write conditions, faults and table as Markdown."""
    faults = dict.fromkeys(row.fault for row in rows)
    lines = [
        *(f"- {name}: {value}" for name, value in where.items()),
        "",
        *(f"- **{one.name}**: {one.text}; {one.load.events:,} events, {one.load.rate:.0f} a second" for one in faults),
        "",
        _line(HEAD),
        _line(["---"] * 2 + ["---:"] * (len(HEAD) - 2)),
        *(_line(row.cells()) for row in rows),
    ]
    return "\n".join(lines)


def replace_block(document: str, text: str) -> str:
    """Put the block between its marks.

    >>> replace_block(f"before {BEGIN} old {END} after", "new").splitlines()[1]
    'new'
    """
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
