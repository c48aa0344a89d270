"""`aisle import`: files into Kafka."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.sources.kafka_log import KafkaLog

app = typer.Typer(
    help="Bring files of events, or a catalogue, into Kafka. Started again, an import goes on where it stopped.",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(help="The file, gzipped or plain.", show_default=False)]
Again = Annotated[bool, typer.Option("--again", help="Send everything again, whatever was imported before.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]


@app.command()
def rees46(file: File, again: Again = False, as_json: Json = False) -> None:
    """Import a REES46 multi-category-store CSV, with the products it mentions."""
    _events(file, "rees46", None, again=again, as_json=as_json)


@app.command()
def uci(file: File, again: Again = False, as_json: Json = False) -> None:
    """Import UCI Online Retail: a line is an add_to_cart, its invoice a purchase."""
    _events(file, "uci", None, again=again, as_json=as_json)


@app.command("csv")
def any_csv(
    file: File,
    columns: Annotated[
        str, typer.Option(help="Which column means what: session=..,item=..,time=..,user=..,kind=..,title=..,price=..")
    ],
    again: Again = False,
    as_json: Json = False,
) -> None:
    """Import any delimited file of events."""
    _events(file, "csv", columns, again=again, as_json=as_json)


@app.command()
def catalog(
    file: File,
    form: Annotated[str, typer.Option("--format", help="google-merchant or csv.")] = "google-merchant",
    as_json: Json = False,
) -> None:
    """Import a catalogue; a product that is there already is replaced."""
    from streams.generations import current
    from streams.settings import Settings
    from streams.sources.formats import open_catalog
    from streams.sources.importing import import_products

    source = open_catalog(file, form)
    log = _open_log(current(Settings()))
    try:
        # Read once before anything is sent: for the bar, and so that a feed that breaks off halfway replaces nothing.
        total = sum(1 for _ in source.products())
        with _Bar(file.name, total) as bar:
            count = import_products(source.products(), log, advance=bar.reached)
    except KeyboardInterrupt:
        raise RefusedError("Stopped. The same command sends all products again.") from None
    finally:
        log.close()
    _report({"products": count}, source.refused, as_json=as_json)


def _events(path: Path, form: str, columns: str | None, *, again: bool, as_json: bool) -> None:
    from streams.generations import current
    from streams.settings import Settings
    from streams.sources.checkpoint import Checkpoint
    from streams.sources.formats import open_events
    from streams.sources.importing import import_events

    settings = current(Settings())
    file = open_events(path, form, columns=columns)
    target = f"{settings.kafka_bootstrap_servers} {settings.topic_prefix} {form} {columns}"
    checkpoint = Checkpoint(settings.data_dir, digest=file.content.digest, target=target)
    if again:
        checkpoint.forget()
    log = _open_log(settings)
    try:
        with _Bar(path.name, file.rows) as bar:
            result = import_events(file, log, checkpoint, advance=lambda: bar.reached(file.taken))
    except KeyboardInterrupt:
        raise RefusedError("Stopped. The same command goes on from here.") from None
    finally:
        log.close()
    counts = {"events": result.events, "already_there": result.already, "products": result.products}
    _report(counts, file.refused, as_json=as_json)


def _open_log(settings: "Settings") -> "KafkaLog":
    from streams.admin import check_topics
    from streams.generations import current
    from streams.kafka import confluent_config
    from streams.sources.kafka_log import KafkaLog

    if not settings.kafka_bootstrap_servers:
        raise RefusedError(
            "KAFKA_BOOTSTRAP_SERVERS is not set: name the broker to import into, such as localhost:9092."
        )
    check_topics(current(settings))
    return KafkaLog(confluent_config(settings), settings.topics)


class _Bar:
    """A progress bar on standard error, by rows of the file or products of the catalogue."""

    def __init__(self, name: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(name, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def reached(self, done: int) -> None:
        """Show how far it is."""
        self._progress.update(self._task, completed=done)


def _report(counts: dict[str, int], refused: Counter[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**counts, "refused": dict(sorted(refused.items()))}))
        return
    for name, count in counts.items():
        print(f"{name.replace('_', ' '):>16} {count:>10,}")
    for reason, count in refused.most_common():
        print(f"{'refused':>16} {count:>10,}  {reason}")
