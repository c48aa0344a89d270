"""`aisle replay`: the engine over past events."""

import json
import re
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from datetime import datetime

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
    verify: Annotated[
        bool, typer.Option("--verify", help="Write nothing: prove that the recorded slates come out again.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="--verify: only so many slates, the oldest.")] = None,
    sample: Annotated[float, typer.Option(min=0, max=1, help="--verify: only this share of slates, by id.")] = 1.0,
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

    if into is not None and not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}\.?", into):
        raise RefusedError(f"--into {into} cannot be part of a topic's name: use letters, digits, - and _.")
    limits = (start, end, event_start, event_end, partition)
    if (apply or rollback) and any(limits):
        raise RefusedError("A generation is built from all there is: leave the times and partitions away.")
    if verify:
        if apply or rollback or into or event_start or event_end:
            raise RefusedError("--verify writes nothing and goes by arrival: it takes --from, --to and --partition.")
        _verify(start, end, partition, limit=limit, sample=sample, as_json=as_json)
        return
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

    asked = Asked(
        start=_time(start, "--from"),
        end=_time(end, "--to"),
        event_start=_time(event_start, "--event-from"),
        event_end=_time(event_end, "--event-to"),
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


def _verify(
    start: str | None, end: str | None, partition: list[int] | None, *, limit: int | None, sample: float, as_json: bool
) -> None:
    from streams.cli.moments import moment_ms
    from streams.cli.verify import verify
    from streams.past.case import NEVER_MS, Selection

    selection = Selection(
        since_ms=0 if start is None else moment_ms(start, option="--from"),
        until_ms=NEVER_MS if end is None else moment_ms(end, option="--to"),
        partitions=partition,
        limit=limit,
        share=sample,
    )
    verify(selection, as_json=as_json)


def _time(text: str | None, option: str) -> "datetime | None":
    from schemas.record import from_epoch_ms
    from streams.cli.moments import moment_ms

    return None if text is None else from_epoch_ms(moment_ms(text, option=option))


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
