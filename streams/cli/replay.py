"""`aisle replay`: the engine over past events."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.replay.replaying import Asked, Summary

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]


def replay(
    start: Annotated[
        str | None, typer.Option("--from", help="Events that came in from this time on; the oldest there is.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Events that came in before this time; now.")] = None,
    event_start: Annotated[
        str | None, typer.Option("--event-from", help="Only events that happened from this time on.")
    ] = None,
    event_end: Annotated[str | None, typer.Option("--event-to", help="Only events that happened before.")] = None,
    partition: Annotated[list[int] | None, typer.Option(help="Only this partition; may be repeated.")] = None,
    into: Annotated[
        str | None, typer.Option(help="Prefix of the topics to write to; without it, one that names what is replayed.")
    ] = None,
    rate: Annotated[
        str, typer.Option(help="x1 as fast as the events came in, x10 ten times, max as fast as it goes.")
    ] = "max",
    apply: Annotated[
        bool, typer.Option("--apply", help="Build a new generation of states and model from all there is; serve it.")
    ] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Serve the generation before again.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the workers to leave.")] = 600,
    as_json: Json = False,
) -> None:
    """Run the engine over past events, into topics of its own; the live ones are only read.

    Stopped in whatever way, the same command goes on.
    """
    from streams.cli import generations

    limits = (start, end, event_start, event_end, partition)
    if (apply or rollback) and any(limits):
        raise RefusedError("A generation is built from all there is: leave the times and partitions away.")
    if rollback:
        generations.roll_back(wait, as_json=as_json)
        return
    if apply:
        try:
            generations.apply(wait, name=(into or "").rstrip("."), as_json=as_json)
        except KeyboardInterrupt:
            raise RefusedError("Stopped. The same command goes on from here.") from None
        return
    from streams.replay.replaying import Asked
    from streams.replay.times import time_of

    asked = Asked(
        start=time_of(start, option="--from"),
        end=time_of(end, option="--to"),
        event_start=time_of(event_start, option="--event-from"),
        event_end=time_of(event_end, option="--event-to"),
        partitions=tuple(sorted(set(partition or ()))),
        into=into or "",
        rate=_rate(rate),
    )
    try:
        found = _replay(asked)
    except KeyboardInterrupt:
        raise RefusedError("Stopped. The same command goes on from here.") from None
    print(json.dumps(found._asdict()) if as_json else _told(found))


def _replay(asked: "Asked") -> "Summary":
    from models.warm_up import warm_up
    from streams.admin import Admin, check_topics
    from streams.generations import current
    from streams.kafka import bootstrap_servers
    from streams.replay.opening import on
    from streams.replay.replaying import replay, target_topics
    from streams.runs.display import Bars
    from streams.settings import Settings

    bootstrap_servers(Settings())
    settings = current(Settings())
    check_topics(settings)
    with Admin(settings) as admin:
        admin.create(target_topics(settings, asked.name), replication=settings.replication_factor)
    warm_up()
    with Bars() as bars:
        return on(settings, bars, lambda site: replay(asked, site))


def _rate(text: str) -> float | None:
    try:
        rate = None if text == "max" else float(text.removeprefix("x"))
    except ValueError:
        rate = 0.0
    if rate is not None and not 0 < rate < float("inf"):
        raise RefusedError(f"--rate {text} is no rate: x1, x10, x0.5 or max.")
    return rate


def _told(found: "Summary") -> str:
    return (
        f"{found.records:,} records into {found.into}: {found.events:,} events, {found.erased:,} erased, "
        f"{found.outside:,} outside the event times.\n"
        f"{found.slates:,} slates, {found.learned:,} learned, {found.dead_letters:,} dead letters; "
        f"{found.seconds:.1f} s, {found.events_per_s:,.0f} events/s.\n"
        f"Slates without decided_at: {found.digest}"
    )
