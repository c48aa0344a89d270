"""`aisle demo`: a generated shop, simulated shoppers, and everything between them for real."""

import json
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RefusedError
from streams.cli.line_file import line_writer

if TYPE_CHECKING:
    from rich.console import Console

    from schemas.products import Product
    from streams.demo.scoreboard import Scoreboard
    from streams.demo.shoppers import Crowd
    from streams.demo.view import LiveView, PlainView
    from streams.settings import Settings

PARTITIONS = 4
HISTORY_ENDS_BEFORE_MS = 45 * 60 * 1000
"""Long enough ago for whoever comes back to begin a new session."""


app = typer.Typer()


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option("--for", min=1, help="Stop after so many seconds, counted from the first slate.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object, for scripts.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the shop and of the shoppers.")] = 1,
    rate: Annotated[float, typer.Option(min=1, max=2000, help="Events per second.")] = 180.0,
    products: Annotated[int, typer.Option(min=200, max=50_000, help="Products of the shop.")] = 3000,
    history: Annotated[int, typer.Option(min=0, help="Events of the shop's past, sent before.")] = 5000,
    broker: Annotated[
        str, typer.Option(help="embedded, external (KAFKA_BOOTSTRAP_SERVERS), docker, maven or auto.")
    ] = "embedded",
    judge: Annotated[
        str,
        typer.Option(help="Who judges: simulated, real (OPENAI_API_KEY, OPENAI_BASE_URL), off; auto: real if set."),
    ] = "auto",
    events: Annotated[
        Path | None, typer.Option(help="Write every event that is sent to this file, one JSON object a line.")
    ] = None,
    judge_url: Annotated[str | None, typer.Option(hidden=True, help="Of a simulated judge that runs already.")] = None,
) -> None:
    """Watch simulated shoppers in a generated shop, and what is recommended to them.

    Half of the shoppers see no slates; their clicks alone are counted. Ctrl-C ends it with a summary.
    """
    from rich.console import Console

    from streams.demo.catalogue import embed_ahead
    from streams.demo.judge import announcement, choose_judge
    from streams.demo.judged import JudgeBoard
    from streams.demo.scoreboard import Scoreboard
    from streams.demo.shop import generate_shop
    from streams.demo.shoppers import Crowd
    from streams.demo.taste import hidden_truth
    from streams.demo.view import summary
    from streams.runs.on_kafka import free_port
    from streams.settings import Settings

    console = Console(stderr=True)
    settings = Settings()
    judging = choose_judge(judge, settings, port=free_port(), url=judge_url)
    if judging is not None and (line := announcement(judging, settings)):
        console.print(line, highlight=False, soft_wrap=True)
    shop = generate_shop(seed, products, at=datetime.now(UTC))
    crowd = Crowd(shop, hidden_truth(shop, seed), seed=seed, rate=rate)
    board = Scoreboard(shop, None if judging is None else JudgeBoard(judging))
    with line_writer(events) as write, _stop_on_signals() as stop:
        with _bar(console, f"embedding {products:,} products", products) as advance:
            embed_ahead(shop, settings, advance)
        with _opened(broker, settings, console) as (own, environment):
            show = _Show(console, crowd, board, shop, stop, write)
            show.perform(own, environment, history=history, seconds=seconds)
    console.print(summary(board))
    if as_json:
        print(json.dumps(board.summary()))


@contextmanager
def _opened(broker: str, settings: "Settings", console: "Console") -> "Iterator[tuple[Settings, dict[str, str]]]":
    """Open a broker and create topics of the demo's own on it; they are deleted at the end.

    Gives the settings of the demo, and what its workers need to know.
    """
    from streams.brokers import open_broker

    with open_broker(broker, settings, progress=lambda line: console.print(line, style="dim")) as opened:
        name = f"demo-{secrets.token_hex(4)}"
        changes = {"topic_prefix": f"{name}.", "worker_slot": name, "partitions": PARTITIONS}
        own = opened.settings.model_copy(update=changes)
        opened.create_topics(own.topics, replication=own.replication_factor)
        try:
            yield own, {**opened.environment, "AISLE_EVIDENCE_SHARE": "1"}
        finally:
            opened.delete_topics(own.topic_prefix)


@dataclass(frozen=True)
class _Show:
    """The demo with everything at hand."""

    console: "Console"
    crowd: "Crowd"
    board: "Scoreboard"
    shop: "Sequence[Product]"
    stop: "_Stop"
    write: Callable[[bytes], object]

    def perform(
        self,
        settings: "Settings",
        environment: "Mapping[str, str]",
        *,
        history: int,
        seconds: float | None,
    ) -> None:
        """Start the workers, let them learn the past, and open the shop."""
        from streams.demo.live import Live
        from streams.demo.traffic import Traffic

        live = Live(self.crowd, self.board)
        with Traffic(
            settings, environment=environment, taken=live.take, sent=self.write, judged=self.board.judge
        ) as traffic:
            self.console.print("Starting the workers", style="dim")
            traffic.start(self.shop)
            past = self.crowd.history(history, until_ms=int(time.time() * 1000) - HISTORY_ENDS_BEFORE_MS)
            what = f"learning from {len(past):,} simulated events of the past"
            with _bar(self.console, what, len(past)) as advance:
                live.replay(past, traffic, advance)
            with self._view() as view, self.stop.gently():
                live.run(seconds, traffic, view, stopped=lambda: self.stop.asked)

    def _view(self) -> "LiveView | PlainView":
        from streams.demo.view import LiveView, PlainView
        from streams.demo.watched import Watched

        if self.console.is_terminal:
            return LiveView(self.board, Watched(self.shop), self.console)
        return PlainView(self.board, self.console)


class _Stop:
    """Ctrl-C and SIGTERM: asked for gently the shoppers leave and a summary follows; elsewhere everything is undone."""

    def __init__(self) -> None:
        self.asked = False
        self._gently = False

    def __call__(self, *_: object) -> None:
        if self.asked or not self._gently:
            raise KeyboardInterrupt
        self.asked = True

    @contextmanager
    def gently(self) -> Iterator[None]:
        """Take the first signal as a wish."""
        self._gently = True
        yield
        self._gently = False


@contextmanager
def _stop_on_signals() -> Iterator[_Stop]:
    stop = _Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except KeyboardInterrupt:
        raise RefusedError("Stopped before there was anything to sum up.") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(console: "Console", name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar, or a line where there is no terminal; gives what moves it on by a number of steps."""
    from rich.progress import Progress

    if not console.is_terminal:
        console.print(name.capitalize(), style="dim")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda steps: progress.advance(task, steps)
