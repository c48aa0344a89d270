"""`aisle demo`: a generated shop, simulated shoppers, and everything between them for real."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.line_file import line_writer

if TYPE_CHECKING:
    from rich.console import Console

    from streams.settings import Settings

PARTITIONS = 4
RATE, RATE_BESIDE_PAGES = 180.0, 90.0
"""Events per second. With pages, 90 took 1.1 of two processors: the rest is for a browser."""

app = typer.Typer()


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option("--for", min=1, help="Stop after so many seconds, counted from the first slate.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object, for scripts.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the shop and of the shoppers.")] = 1,
    rate: Annotated[
        float | None,
        typer.Option(min=1, max=2000, help="Events per second; 90 with pages, 180 without.", show_default=False),
    ] = None,
    products: Annotated[int, typer.Option(min=200, max=50_000, help="Products of the shop.")] = 3000,
    history: Annotated[int, typer.Option(min=0, help="Events of the shop's past, sent before.")] = 5000,
    broker: Annotated[
        str, typer.Option(help="embedded, external (KAFKA_BOOTSTRAP_SERVERS), docker, maven or auto.")
    ] = "embedded",
    judge: Annotated[
        str,
        typer.Option(help="Who judges: simulated, real (OPENAI_API_KEY, OPENAI_BASE_URL), off; auto: real if set."),
    ] = "auto",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the shop; the next free one if taken.")] = 8080,
    console_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Of the console; the next free one if taken.")
    ] = 8081,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Open the shop and the console to a browser.")] = True,
    restock: Annotated[
        bool, typer.Option("--restock/--no-restock", help="Now and then a product sells out, or comes back.")
    ] = True,
    events: Annotated[
        Path | None, typer.Option(help="Write every event that is sent to this file, one JSON object a line.")
    ] = None,
    judge_url: Annotated[str | None, typer.Option(hidden=True, help="Of a simulated judge that runs already.")] = None,
) -> None:
    """Watch simulated shoppers in a generated shop, and what is recommended to them; shop there yourself.

    Half of the shoppers see no slates; their clicks alone are counted. Ctrl-C ends it with a summary.
    """
    from rich.console import Console

    from streams.demo.catalogue import embed_ahead
    from streams.demo.judge import announcement, choose_judge
    from streams.demo.judged import JudgeBoard
    from streams.demo.scoreboard import Scoreboard
    from streams.demo.shop import generate_shop
    from streams.demo.shoppers import Crowd
    from streams.demo.show import Show, bar
    from streams.demo.stock import Stock
    from streams.demo.stopping import stop_on_signals
    from streams.demo.taste import hidden_truth
    from streams.demo.view import summary
    from streams.demo.web import choose_ports
    from streams.runs.on_kafka import free_port
    from streams.settings import Settings

    console = Console(stderr=True)
    settings = Settings()
    judging = choose_judge(judge, settings, port=free_port(), url=judge_url)
    if judging is not None and (line := announcement(judging, settings)):
        console.print(line, highlight=False, soft_wrap=True)
    addresses = choose_ports(port, console_port, console.print) if web else None
    shop = generate_shop(seed, products, at=datetime.now(UTC))
    wanted = rate or (RATE_BESIDE_PAGES if web else RATE)
    crowd = Crowd(shop, hidden_truth(shop, seed), seed=seed, rate=wanted)
    board = Scoreboard(shop, None if judging is None else JudgeBoard(judging))
    stock = Stock(shop if restock else (), seed=seed)
    with line_writer(events) as write, stop_on_signals() as stop:
        with bar(console, f"embedding {products:,} products", products) as advance:
            embed_ahead(shop, settings, advance)
        with _opened(broker, settings, console) as (own, environment):
            show = Show(console, crowd, board, shop, stock, addresses, write)
            links = show.perform(own, environment, history=history, seconds=seconds, stop=stop)
    console.print(summary(board))
    if as_json:
        print(json.dumps({**board.summary(), **links}))


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
