"""`aisle backfill`: history into state and model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.erased import Erased
    from streams.replay.backfilling import Filled
    from streams.runs.display import Bars
    from streams.settings import Settings
    from streams.sources.importing import History, Imported


def backfill(
    source: Annotated[str, typer.Argument(help="A file of events, or a topic of them.", show_default=False)],
    form: Annotated[str | None, typer.Option("--format", help="Of a file: rees46, uci or csv.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="For csv, which column means what, as item=sku,time=ts; else by their names.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Write history to the log and work it through, in event-time order and without slates, before the shop opens.

    No worker may run meanwhile. Started again, it goes on where it stopped; nothing is written or learned twice.
    """
    try:
        imported, filled = _backfill(source, form, columns)
    except KeyboardInterrupt:
        raise RefusedError("Stopped. The same command goes on from here.") from None
    if as_json:
        counts = {"imported": imported.events, "already_there": imported.already, "left_out": imported.unwanted}
        print(json.dumps(counts | filled._asdict()))
    else:
        print(
            f"{imported.events:,} events written, {imported.already:,} were there, {imported.unwanted:,} of people "
            f"who asked to be forgotten.\n"
            f"{filled.events:,} events worked through, {filled.learned:,} learned, {filled.dead_letters:,} dead "
            f"letters; {filled.seconds:.1f} s, {filled.events_per_s:,.0f} events/s. Workers start with nothing to do."
        )


def _backfill(source: str, form: str | None, columns: str | None) -> "tuple[Imported, Filled]":
    from models.warm_up import warm_up
    from schemas.topics import EVENTS
    from streams.admin import Admin, check_topics
    from streams.generations import current
    from streams.kafka import bootstrap_servers
    from streams.replay.backfilling import Backfill
    from streams.replay.opening import on
    from streams.runs.display import Bars
    from streams.settings import Settings
    from streams.worker_files import group_of

    bootstrap_servers(Settings())
    settings = current(Settings())
    check_topics(settings)
    group = group_of(settings, "clicks")
    with Admin(settings) as admin:
        if there := admin.members(group):
            raise RefusedError(f"Workers at work in {group}: {there}. Stop them, backfill, and start them again.")
        committed = admin.committed(group, settings.topics[EVENTS])
    warm_up()
    with Bars() as bars:
        erased = on(settings, bars, lambda site: Backfill(site, committed).begin())
        imported = _import(source, form, columns, settings, erased, bars)
        filled, positions = on(settings, bars, lambda site: Backfill(site, committed).work())
    with Admin(settings) as admin:
        admin.commit(group, settings.topics[EVENTS], positions)
    return imported, filled


def _import(
    source: str, form: str | None, columns: str | None, settings: "Settings", erased: "Erased", bars: "Bars"
) -> "Imported":
    from streams.kafka import confluent_config
    from streams.sources.checkpoint import Checkpoint
    from streams.sources.importing import import_events
    from streams.sources.kafka_log import KafkaLog

    history, name, done = _open(source, form, columns, settings)
    target = f"{settings.kafka_bootstrap_servers} {settings.topic_prefix} {form} {columns}"
    log = KafkaLog(confluent_config(settings), settings.topics)
    try:
        bars.stage("history", history.rows)
        checkpoint = Checkpoint(settings.data_dir, digest=name, target=target)
        found = import_events(
            history, log, checkpoint, advance=lambda: bars.reached(history.taken), unwanted=erased.covers_history
        )
    finally:
        log.close()
    done()
    return found


def _open(
    source: str, form: str | None, columns: str | None, settings: "Settings"
) -> "tuple[History, str, Callable[[], object]]":
    """Give a history, what names its content, and what notes that it was taken."""
    from streams.kafka import confluent_config
    from streams.replay.stretch import Stretches
    from streams.sources.event_topic import EventTopic, topic_ends
    from streams.sources.formats import open_events

    if Path(source).exists() or form is not None:
        if form is None:
            raise RefusedError(f"--format says what {source} is: rees46, uci or csv.")
        file = open_events(Path(source), form, columns=columns)
        return file, file.content.digest, lambda: None
    config = confluent_config(settings)
    ends = topic_ends(config, source)
    stretches = Stretches(settings.data_dir, f"{settings.kafka_bootstrap_servers} {settings.topic_prefix} {source}")
    stretch = stretches.next(ends)
    name = json.dumps([source, sorted(stretch.since.items()), sorted(stretch.until.items())])
    return (
        EventTopic(config, source, since=stretch.since, until=stretch.until),
        name,
        lambda: stretches.close(stretch),
    )
