"""What a person sees of a search: the trials with the best so far, and below them the stage of the one that runs."""

from types import TracebackType
from typing import Self


class Board:
    """Two progress bars on standard error.

    Args:
        trials: how many there will be at most.
        measure: what `best` is of.
    """

    def __init__(self, trials: int, measure: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._measure = measure
        self._trials = self._progress.add_task("trials", total=trials)
        self._stage = self._progress.add_task("", total=None)

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of a trial."""
        self._progress.reset(self._stage, description=name, total=total)

    def reached(self, done: int) -> None:
        """Move the stage's bar."""
        self._progress.update(self._stage, completed=done)

    def tried(self, done: int, defaults: float, best: float) -> None:
        """Move the trials' bar."""
        said = f"trials, {self._measure} {best:.4f} (defaults {defaults:.4f})"
        self._progress.update(self._trials, completed=done, description=said)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
