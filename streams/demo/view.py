"""What a person sees of the demo: a live picture on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from schemas.events import Event
from schemas.slates import Slate
from streams.demo.judge_view import judge_lines, judge_panel
from streams.demo.others import Others
from streams.demo.ports import Watcher
from streams.demo.scoreboard import Scoreboard
from streams.demo.visitor_view import visitor_panels
from streams.demo.watched import Watched

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

LABEL = "simulated shoppers"
FRAME_S = 0.5
LINE_S = 5.0
BAR_CHARS = 25


class PlainView(Watcher):
    """A line every few seconds, for logs and pipes, and two of the judge where there is one.

    Args:
        board: what is counted.
        console: where to.
    """

    def __init__(self, board: Scoreboard, console: "Console") -> None:
        self._board = board
        self._console = console
        self._next_s = 0.0

    def tick(self, now_s: float) -> None:
        """Print a line when it is time."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + LINE_S
        board = self._board
        hits = ", ".join(f"{one.name} {one.hr:.1%}" for one in board.hits())
        line = (
            f"{LABEL}: {board.rate('events', now_s):.0f} events/s, {board.rate('slates', now_s):.0f} slates/s; "
            f"next clicks found ({board.clicks}): {hits}"
        )
        for one in (line, *(judge_lines(board.judge) if board.judge else ())):
            self._console.print(one, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put away."""


class LiveView(Watcher):
    """A picture that is drawn twice a second.

    Args:
        board: what is counted.
        watched: whose visit is shown.
        console: where to.
        links: gives the addresses of what a browser can open, by name; None for what is not there any more.
    """

    def __init__(
        self,
        board: Scoreboard,
        watched: Watched,
        console: "Console",
        links: Callable[[], Mapping[str, str | None]] = dict,
    ) -> None:
        from rich.live import Live

        self._board = board
        self._watched = watched
        self._links = links
        self._width = console.width
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._next_s = 0.0

    def event(self, event: Event) -> None:
        """Follow the watched visitor."""
        self._watched.event(event)

    def person(self, event: Event) -> None:
        """Follow a person before any shopper."""
        self._watched.person(event)

    def slate(self, slate: Slate) -> None:
        """Keep the watched visitor's slate."""
        self._watched.take(slate)

    def tick(self, now_s: float) -> None:
        """Draw when it is time."""
        if now_s >= self._next_s:
            self._next_s = now_s + FRAME_S
            self._live.update(self._picture(now_s), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _picture(self, now_s: float) -> "RenderableType":
        from rich.console import Group
        from rich.panel import Panel

        board, tally = self._board, self._board.tally
        p50, p99 = (tally.latencies.quantile(share) for share in (0.5, 0.99))
        numbers = (
            f"[b]{board.rate('events', now_s):.0f}[/] events/s   [b]{board.rate('slates', now_s):.0f}[/] slates/s   "
            f"event to slate p50 [b]{p50:.0f}[/] ms, p99 [b]{p99:.0f}[/] ms   "
            f"{tally.events:,} events, {tally.slates:,} slates so far"
        )
        return Group(
            *(f"{name}: [b]{link}[/]" for name, link in self._links().items() if link is not None),
            Panel(numbers, title=f"aisle, live: {LABEL}", title_align="left"),
            hits_table(board),
            visitor_panels(self._watched, self._width),
            *([judge_panel(board.judge)] if board.judge else []),
        )


def summary(board: Scoreboard) -> "RenderableType":
    """Say what a demo came to."""
    from rich.console import Group

    tally = board.tally
    return Group(
        hits_table(board),
        f"{tally.events:,} events of {LABEL} after a history of {board.history_events:,}; {tally.slates:,} slates, "
        f"{tally.dead_letters:,} dead letters; event to slate p50 {tally.latencies.quantile(0.5):.1f} ms, "
        f"p99 {tally.latencies.quantile(0.99):.1f} ms.",
        *people_lines(board.others),
        *([judge_panel(board.judge)] if board.judge else []),
    )


def people_lines(others: Others) -> list[str]:
    """Say what people did, where there were any."""
    if not others.people:
        return []
    who = "one person" if others.people == 1 else f"{others.people} people"
    return [f"Beside them {who}: {others.events:,} events, {others.slates:,} slates, in no figure above."]


def hits_table(board: Scoreboard) -> Any:
    """Compare rankings in a table."""
    from rich import box
    from rich.table import Table

    title = f"Was the next click in it?\n{board.clicks:,} clicks of {LABEL} who see no slates"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("ranking", min_width=26)
    table.add_column("HR@20", justify="right")
    table.add_column("MRR@20", justify="right")
    table.add_column("", min_width=BAR_CHARS)
    for one in board.hits():
        table.add_row(one.name, f"{one.hr:.1%}", f"{one.mrr:.3f}", "█" * round(one.hr * BAR_CHARS))
    return table
