"""`aisle run`: the whole engine over one file."""

import json
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RefusedError
from streams.cli.line_file import line_writer

if TYPE_CHECKING:
    from streams.runs.display import Bars
    from streams.runs.tally import Tally
    from streams.settings import Settings
    from streams.sources.event_file import EventFile


def run(
    file: Annotated[Path, typer.Argument(help="Events of a shop, gzipped or plain.", show_default=False)],
    form: Annotated[str, typer.Option("--format", help="rees46, uci or csv.", show_default=False)],
    columns: Annotated[
        str | None,
        typer.Option(help="For csv, which column means what, as item=sku,time=ts; else by their names."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read only this many lines.")] = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="No broker: the engine as a library, equal slates to the byte.")
    ] = False,
    broker: Annotated[
        str, typer.Option(help="auto, external (KAFKA_BOOTSTRAP_SERVERS), docker, maven or embedded.")
    ] = "auto",
    slates: Annotated[Path | None, typer.Option(help="Write every slate to this file, one JSON object a line.")] = None,
    contexts: Annotated[
        Path | None, typer.Option(help="Write every visitor's final context to this file, one JSON object a line.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Run the whole engine over one file of events and say how often the next click was in the slate."""
    from streams.runs.display import Bars, print_table
    from streams.runs.tally import Tally
    from streams.settings import Settings
    from streams.sources.formats import open_events
    from streams.sources.reasons import nothing_in

    for written in (slates, contexts):
        if written is not None and written.exists() and file.exists() and written.samefile(file):
            raise RefusedError(f"{written} is the file to run over: name another one to write to.")
    source = open_events(file, form, columns=columns, limit=limit)
    source.survey  # noqa: B018  a file that cannot be read is refused before a broker is started
    tally = Tally(source.layout.labels)
    started = time.monotonic()
    with _stopped_in_order(), line_writer(slates) as write, line_writer(contexts) as keep, Bars() as bars:
        if in_process:
            final = _in_process(source, Settings(), tally, bars, write)
        else:
            final = _on_kafka(source, Settings(), tally, bars, write, choice=broker, contexts=contexts is not None)
        for visitor_id, context in sorted(final.items()):
            keep(b'{"visitor_id":%s,"context":%s}' % (json.dumps(visitor_id).encode(), context))
    if not tally.events:
        raise RefusedError(nothing_in(file, source.refused))
    if as_json:
        print(json.dumps(tally.summary()))
    else:
        print_table(tally, source.refused, seconds=time.monotonic() - started)


def _in_process(
    source: "EventFile", settings: "Settings", tally: "Tally", bars: "Bars", write: Callable[[bytes], object]
) -> Mapping[str, bytes]:
    from streams.runs.in_process import run_in_process

    return run_in_process(source, settings, tally, watch=bars, taken=lambda slate: write(slate.encode()))


def _on_kafka(
    source: "EventFile",
    settings: "Settings",
    tally: "Tally",
    bars: "Bars",
    write: Callable[[bytes], object],
    *,
    choice: str,
    contexts: bool,
) -> Mapping[str, bytes]:
    from streams.brokers import open_broker
    from streams.runs.on_kafka import KafkaRun

    with open_broker(choice, settings, progress=bars.say) as broker:
        name = f"run-{secrets.token_hex(4)}"
        own = broker.settings.model_copy(update={"topic_prefix": f"{name}.", "worker_slot": name})
        broker.create_topics(own.topics, replication=own.replication_factor)
        try:
            with KafkaRun(
                source,
                own,
                tally,
                environment=broker.environment,
                taken=lambda slate: write(slate.value),
                contexts=contexts,
            ) as whole:
                return whole.run(bars)
        finally:
            broker.delete_topics(own.topic_prefix)


@contextmanager
def _stopped_in_order() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the run as an error does: workers stopped, topics deleted.

    Inside a C library the interrupt may come out as another exception: whatever comes after a signal is its end.
    """
    asked = False

    def stop(*_: object) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except BaseException as error:
        if not asked and not isinstance(error, KeyboardInterrupt):
            raise
        raise RefusedError("Stopped before the end of the file.") from None
    finally:
        signal.signal(signal.SIGTERM, before)
