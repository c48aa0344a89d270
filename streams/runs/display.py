"""What a person sees of a run: a progress bar while it goes on, a table when it is done."""

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from streams.runs.tally import Tally
from streams.sources.reasons import explained

if TYPE_CHECKING:
    from collections import Counter

    from rich.progress import Progress, TaskID


class Watch(Protocol):
    """Told of a run's stages as they go on."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` steps."""

    def reached(self, done: int) -> None:
        """Say how many steps of the stage are done."""


class Bars:
    """A progress bar per stage, on standard error."""

    def __init__(self) -> None:
        self._progress = _progress()
        self._task: TaskID | None = None

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, style="dim")

    def stage(self, name: str, total: int) -> None:
        """Show a new bar below the others; the one before is complete."""
        self._finish()
        self._progress.start()
        self._task = self._progress.add_task(name, total=total)

    def reached(self, done: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)

    def rest(self) -> None:
        """Leave the bars as they stand, so that something else can be printed; later ones stand below it."""
        if self._task is not None:
            self._finish()
            self._progress.stop()
            self._progress, self._task = _progress(), None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        if self._task is not None:  # else nothing but an empty line would come of it
            self._progress.stop()

    def _finish(self) -> None:
        if self._task is not None:
            total = next(task.total for task in self._progress.tasks if task.id == self._task)
            self._progress.update(self._task, completed=total)
            self._progress.stop_task(self._task)


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    told = TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), *told)
    return Progress(*columns, console=Console(stderr=True))


def print_table(tally: Tally, refused: "Counter[str]", *, seconds: float) -> None:
    """Print what a run came to."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    everything, other = tally.scoring.scores(), tally.scoring.scores(other=True)
    table = Table(title="Was the next click in the slate?", title_justify="left")
    table.add_column("ranking")
    for heading in (f"HR@{tally.k}", f"MRR@{tally.k}", f"HR@{tally.k} other", f"MRR@{tally.k} other"):
        table.add_column(heading, justify="right")
    rows = {"slates": "slates", "recent popularity": "popularity", "last-item co-occurrence": "cooccurrence"}
    for name, attribute in rows.items():
        scores = (*getattr(everything, attribute), *getattr(other, attribute))
        table.add_row(name, *(f"{score:.4f}" for score in scores))
    console.print(table)
    console.print(
        f"{everything.queries:,} clicks after a slate of their session; 'other': the {other.queries:,} of them on "
        "another product than the one before."
    )
    console.print(
        f"{tally.events:,} events, {tally.slates:,} slates, {tally.dead_letters:,} dead letters in {seconds:.1f} s; "
        f"slate latency p50 {tally.latencies.quantile(0.5):.1f} ms, p99 {tally.latencies.quantile(0.99):.1f} ms."
    )
    for line in explained(refused):
        console.print(line)
