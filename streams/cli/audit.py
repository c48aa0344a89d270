"""`aisle audit`: who gets shown, and whether that is what people want."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.audit.files import Named
    from streams.audit.findings import Findings
    from streams.audit.topics import Window
    from streams.runs.display import Bars
    from streams.settings import Settings


def audit(
    slates: Annotated[
        Path | None, typer.Option(help="Slates, one JSON object a line, as `aisle run --slates` writes them.")
    ] = None,
    events: Annotated[Path | None, typer.Option(help="Events of the same shop and time.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="Of the events: rees46, uci, csv or jsonl.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="For csv, which column means what, as item=sku,time=ts; else by their names.")
    ] = None,
    catalog: Annotated[
        Path | None, typer.Option(help="The catalogue; without it, what the events' file says of products.")
    ] = None,
    catalog_form: Annotated[
        str, typer.Option("--format-catalog", help="google-merchant, csv or jsonl.")
    ] = "google-merchant",
    start: Annotated[
        str | None, typer.Option("--from", help="Topics: what arrived from this time on, or 2h for two hours ago.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Topics: what arrived before this time.")] = None,
    placement: Annotated[str | None, typer.Option(help="Only slates of this placement.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with plots to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Audit what was shown: exposure, amplification, filter bubbles, cold products. Exits with 1 when one is crossed.

    Of files, or, without any, of the installation's topics.
    """
    from streams.audit.showing import show
    from streams.cli.evaluate import check_not_read
    from streams.runs.display import Bars
    from streams.settings import Settings

    if report is not None:
        check_not_read(report, "--report", (slates, events, catalog))
    if report is not None and not report.absolute().parent.is_dir():
        raise RefusedError(f"{report} cannot be written (there is no such folder): make it, or name another file.")
    with Bars() as bars:
        if slates is None:
            _no_files(events, form, columns, catalog)
            found = _topics(_window(start, end), Settings(), placement, bars)
        else:
            if start is not None or end is not None:
                raise RefusedError("--from and --to are times of arrival, which files do not have: leave them away.")
            found = _files(slates, _named(events, form, columns), catalog, catalog_form, placement, bars)
    if report is not None:
        _write(report, found)
    if as_json:
        print(json.dumps(found.plain()))
    else:
        show(found)
    if found.crossed:
        raise typer.Exit(1)


def _files(
    slates: Path, events: "Named | None", catalog: Path | None, form: str, placement: str | None, bars: "Bars"
) -> "Findings":
    from streams.audit.files import Named, audit_files
    from streams.settings import Settings

    if events is None and catalog is None:
        raise RefusedError("Slates alone say nothing of products: add --events FILE --format F, or --catalog FILE.")
    shop = None if catalog is None else Named(catalog, form)
    return audit_files(slates, events, shop, Settings(), placement=placement, watch=bars)


def _named(events: Path | None, form: str | None, columns: str | None) -> "Named | None":
    from streams.audit.files import Named

    if events is None:
        if form is not None or columns is not None:
            raise RefusedError("--format and --columns belong to --events FILE.")
        return None
    if form is None:
        raise RefusedError("--events needs --format: rees46, uci, csv or jsonl.")
    return Named(events, form, columns)


def _no_files(*options: object) -> None:
    if any(option is not None for option in options):
        raise RefusedError("Files of events or products go with --slates FILE; without files the topics are audited.")


def _window(start: str | None, end: str | None) -> "Window":
    import time

    from streams.audit.topics import NEVER_MS, Window
    from streams.cli.moments import moment_ms

    now_ms = int(time.time() * 1000)
    since = 0 if start is None else moment_ms(start, option="--from", now_ms=now_ms)
    until = NEVER_MS if end is None else moment_ms(end, option="--to", now_ms=now_ms)
    if until <= since:
        raise RefusedError("--to lies before --from: nothing arrived in between.")
    return Window(since, until)


def _topics(window: "Window", settings: "Settings", placement: str | None, bars: "Bars") -> "Findings":
    from streams.audit.topics import TopicAudit
    from streams.dead.reading import KafkaReader
    from streams.generations import current
    from streams.past.reach import client_of

    own = current(settings)

    async def run() -> "Findings":
        async with KafkaReader(client_of(own), own.topics, max_wait_ms=20) as reader:
            return await TopicAudit(reader, own, window, placement=placement, watch=bars).run()

    return asyncio.run(run())


def _write(path: Path, found: "Findings") -> None:
    from streams.audit.report import report

    try:
        path.write_text(report(found), encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{path} cannot be written ({error.strerror}).") from None
