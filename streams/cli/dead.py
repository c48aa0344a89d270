"""`aisle dead`: what was refused, and what is done about it."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast, get_args

import typer

from schemas.errors import Reason, RefusedError
from schemas.topics import DEAD_OF, TopicName
from streams.cli.bar import progress_bar

if TYPE_CHECKING:
    from schemas.dead import DeadLetter
    from schemas.letter_id import Place
    from streams.dead.letters import Selection
    from streams.dead.purge import Purge
    from streams.dead.reading import KafkaReader
    from streams.dead.requeue import Report

app = typer.Typer(
    help="Dead letters: records that could not be used. docs/dead-letters.md says what to do about them.",
    no_args_is_help=True,
)

Topic = Annotated[list[str] | None, typer.Option("--topic", help="events or products; both without.")]
Why = Annotated[
    list[str] | None, typer.Option("--reason", help=f"Only these: {', '.join(get_args(Reason))}; may be repeated.")
]
From = Annotated[str | None, typer.Option("--from", help="Arrived then or later: a time, or 2h for two hours ago.")]
To = Annotated[str | None, typer.Option("--to", help="Arrived before.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without, say only what would be done.")]

R = TypeVar("R")


@app.command("list")
def list_letters(
    topic: Topic = None,
    reason: Why = None,
    since: From = None,
    until: To = None,
    letters: Annotated[int, typer.Option(min=0, max=100_000, help="Name the last so many of each topic.")] = 0,
    as_json: Json = False,
) -> None:
    """Count dead letters by topic and reason, with when the first and the last arrived."""
    from streams.cli.dead_tables import survey_json, survey_lines
    from streams.dead.survey import Survey, survey

    chosen = _selection(reason, since, until)
    surveys = [Survey(name, chosen, newest=letters) for name in _topics(topic)]

    async def work(reader: "KafkaReader", advance: Callable[[int], None]) -> None:
        for one in surveys:
            await survey(reader, one, advance=advance)

    _run(work, _topics(topic))
    print(survey_json(surveys) if as_json else "\n".join(survey_lines(surveys)))


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="Its id, such as events/3/1742.", show_default=False)],
    raw: Annotated[bool, typer.Option("--raw", help="Write the bytes as they were, to a file or pipe.")] = False,
    as_json: Json = False,
) -> None:
    """Show one letter: why, from where, and its bytes, made safe for a terminal."""
    from streams.cli.dead_tables import letter_json
    from streams.dead.finding import find_letters
    from streams.dead.showing import describe

    place = _place(letter)
    if raw and sys.stdout.isatty():
        raise RefusedError("--raw writes bytes that a terminal may obey: send them to a file.")

    async def work(reader: "KafkaReader", advance: Callable[[int], None]) -> "list[DeadLetter]":
        return await find_letters(reader, place, advance=advance)

    found = _run(work, [])
    if not found:
        raise RefusedError(f"There is no letter {letter}: `aisle dead list --letters 20` names the last ones.")
    newest = found[-1]
    if raw:
        sys.stdout.buffer.write(newest.original() or b"")
    elif as_json:
        print(letter_json(newest))
    else:
        print("\n".join(describe(newest)))
        if len(found) > 1:
            print(f"\n{len(found) - 1} older letters have this id: the topic was created anew in between.")


@app.command()
def requeue(
    topic: Topic = None,
    reason: Why = None,
    since: From = None,
    until: To = None,
    letter: Annotated[list[str] | None, typer.Option("--id", help="Only this letter; may be repeated.")] = None,
    fix: Annotated[
        Path | None, typer.Option(help="Mend values first: a JSON Patch (.json), or fix(value) in a .py file.")
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="import or replay: take events however old they were on arrival.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Send letters to their topic again, each once; without --yes say only what would be sent.

    What its decoder still refuses stays, as does what belongs to somebody who asked to be forgotten, and a product that
    has a newer record. Started again, it goes on where it stopped.
    """
    from streams.cli.dead_tables import reports_json, reports_lines
    from streams.dead.fixes import load_fix
    from streams.dead.mending import LIFTS_AGE
    from streams.dead.sending import Order, send_again

    if origin not in {None, *LIFTS_AGE}:
        raise RefusedError(f"--origin {origin} is neither import nor replay.")
    mend = None if fix is None else load_fix(fix)
    places = [_place(one) for one in letter or ()]
    chosen = _selection(reason, since, until, places)
    names = [name for name in _topics(topic) if not places or name in {place.topic for place in places}]
    named = bool(places) or "handler" in chosen.reasons

    orders = [Order(name, chosen, fix=mend, origin=origin, handler=named) for name in names]

    async def work(reader: "KafkaReader", advance: Callable[[int], None]) -> "list[Report]":
        return await send_again(reader, orders, send=yes, advance=advance)

    reports = _run(work, names, passes=2)
    if letter and not any(report.selected for report in reports):
        one, *more = letter
        raise RefusedError(
            f"There is no letter {one}{' nor the others' if more else ''}, or not of that reason and time: "
            "`aisle dead list --letters 20` names the last ones."
        )
    print(reports_json(reports, sent=yes) if as_json else "\n".join(reports_lines(reports, sent=yes)))


@app.command()
def purge(
    topic: Topic = None,
    until: To = None,
    everything: Annotated[bool, typer.Option("--all", help="All letters, whenever their records arrived.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove letters whose records arrived before --to, or all; without --yes say only how many."""
    from streams.admin import Admin
    from streams.cli.dead_tables import purges_json, purges_lines
    from streams.dead.purge import plan_purge
    from streams.generations import current
    from streams.settings import Settings

    if (until is None) == (not everything):
        raise RefusedError("Say which letters go: --to a time, or --all.")
    to_ms = _selection(None, None, until).to_ms
    names = _topics(topic)

    async def work(reader: "KafkaReader", advance: Callable[[int], None]) -> "list[Purge]":
        return [await plan_purge(reader, name, to_ms, advance=advance) for name in names]

    purges = _run(work, names)
    if yes:
        settings = current(Settings())
        with Admin(settings) as admin:
            for one in purges:
                admin.delete_before(settings.topics[DEAD_OF[one.topic]], one.before)
    print(purges_json(purges, removed=yes) if as_json else "\n".join(purges_lines(purges, removed=yes)))


def _run(
    work: "Callable[[KafkaReader, Callable[[int], None]], Awaitable[R]]", names: Sequence[TopicName], *, passes: int = 1
) -> R:
    """Do work on the broker, with a bar over the dead topics' records, each read `passes` times."""
    from streams.admin import check_topics
    from streams.brokers.aiokafka import adapt_aiokafka
    from streams.dead.reading import KafkaReader
    from streams.generations import current
    from streams.kafka import aiokafka_config, is_embedded
    from streams.settings import Settings

    settings = current(Settings())
    client = aiokafka_config(settings)
    check_topics(settings)
    undo = adapt_aiokafka() if is_embedded() else lambda: None

    async def run() -> R:
        async with KafkaReader(client, settings.topics) as reader:
            total = passes * sum([await reader.count(DEAD_OF[name]) for name in names])
            with progress_bar("dead letters", total) as advance:
                return await work(reader, advance)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        raise RefusedError("Stopped. The same command goes on from here.") from None
    finally:
        undo()


def _topics(given: Sequence[str] | None) -> list[TopicName]:
    names = {alias: name for name in DEAD_OF for alias in (name, name.rpartition(".")[2])}
    if unknown := [one for one in given or () if one not in names]:
        raise RefusedError(f"No dead letters are kept of {unknown[0]}: --topic is events or products.")
    return list(dict.fromkeys(names[one] for one in given or ())) or list(DEAD_OF)


def _selection(
    reasons: Sequence[str] | None, since: str | None, until: str | None, places: "Sequence[Place]" = ()
) -> "Selection":
    from streams.cli.moments import moment_ms
    from streams.dead.letters import Selection

    if unknown := set(reasons or ()) - set(get_args(Reason)):
        raise RefusedError(f"There is no reason {min(unknown)}: --reason is one of {', '.join(get_args(Reason))}.")
    now_ms = time.time_ns() // 1_000_000
    return Selection(
        reasons=cast("frozenset[Reason]", frozenset(reasons or ())),
        from_ms=0 if since is None else moment_ms(since, option="--from", now_ms=now_ms),
        to_ms=1 << 62 if until is None else moment_ms(until, option="--to", now_ms=now_ms),
        places=frozenset(places),
    )


def _place(text: str) -> "Place":
    from schemas.letter_id import Place

    place = Place.parse(text)
    if place is None:
        raise RefusedError(f"{text[:80]!a} is no letter: an id is like events/3/1742, topic/partition/offset.")
    return place
