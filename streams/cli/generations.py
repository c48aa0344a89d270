"""`aisle generations`: which states and model are served, which are kept beside them."""

import json
import sys
from typing import Annotated

import typer

from schemas.errors import RefusedError

app = typer.Typer(
    help="Generations of states and model: what `aisle replay --apply` built, and what is served.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for the workers to leave.")]


@app.command("list")
def list_generations(as_json: Json = False) -> None:
    """List the generations and replays on the broker; the one in force is marked."""
    from schemas.topics import CHANGELOG
    from streams.admin import Admin
    from streams.generations import FIRST, generations_in
    from streams.replay.switching import pointers
    from streams.settings import Settings

    settings = Settings()
    found = pointers(settings)
    with Admin(settings) as admin:
        there = admin.topics()
    names = generations_in(settings.topics, list(there))
    previous = found.current.previous if found.current else None
    building = found.building.name if found.building else None
    if as_json:
        print(json.dumps({"current": found.name, "previous": previous, "building": building, "there": names}))
        return
    before = "before; `aisle replay --rollback` returns to it"
    if found.current is not None and previous is not None:
        had = there.get(settings.of_generation(previous, 1).topics[CHANGELOG])
        before = before if had == found.current.partitions else "before; with fewer partitions, so no way back"
    notes = {found.name: "in force", previous: before, building: "begun"}
    for name in names:
        print(f"{name or FIRST:<24} {notes.get(name, '')}".rstrip())


@app.command()
def rollback(wait: Wait = 600, as_json: Json = False) -> None:
    """Have the generation before served again; it goes on from where it was left."""
    roll_back(wait, as_json=as_json)


@app.command()
def delete(name: Annotated[str, typer.Argument(help="As `list` names it.")], as_json: Json = False) -> None:
    """Delete the topics of a generation or a replay; never of the one in force."""
    from streams.admin import Admin
    from streams.generations import FIRST, refuse_current, topics_of
    from streams.replay.switching import note_building, pointers
    from streams.settings import Settings

    settings = Settings()
    found = pointers(settings)
    name = "" if name == FIRST else name
    refuse_current(name, found)
    with Admin(settings) as admin:
        gone = topics_of(settings.topics, name, list(admin.topics()))
        if not gone:
            raise RefusedError(f"There is no generation or replay {name}: `aisle generations list` names them.")
        admin.delete(gone)
    if found.building is not None and found.building.name == name:
        note_building(settings, None)
    print(json.dumps({"deleted": gone}) if as_json else "\n".join(f"deleted {topic}" for topic in gone))


def roll_back(wait: float, *, as_json: bool) -> None:
    """Switch to the generation before the one in force."""
    from schemas.topics import CHANGELOG, EVENTS
    from streams.admin import Admin
    from streams.generations import FIRST, current
    from streams.replay.switching import LiveGroup, pointers, switch
    from streams.settings import Settings
    from streams.topic_checks import missing_topics

    settings = current(Settings())
    found = pointers(settings)
    if found.current is None or found.current.previous is None:
        raise RefusedError("There is no generation before this one.")
    to = settings.of_generation(found.current.previous, settings.partitions)
    with Admin(settings) as admin:
        there = admin.topics()
        had = there.get(to.topics[CHANGELOG], settings.partitions)
        if had != settings.partitions:
            raise RefusedError(
                f"Generation {to.generation or FIRST} had {had} partitions and {settings.topics[EVENTS]} has "
                f"{settings.partitions} now: partitions cannot be taken back, so there is no way back."
            )
        if gone := missing_topics(to.topics, there):
            raise RefusedError(f"{gone[0]} was deleted: there is nothing to go back to.")
    LiveGroup(settings).wait_empty(wait, say)
    switch(settings, to)
    names = {"generation": to.generation, "previous": settings.generation}
    told = f"Generation {to.generation or FIRST} is in force again: start the workers."
    print(json.dumps(names) if as_json else told)


def say(line: str) -> None:
    """Tell somebody who waits."""
    print(line, file=sys.stderr, flush=True)


def apply(wait: float, *, name: str, as_json: bool) -> None:
    """Build a new generation, or go on with one that was begun, and have it served."""
    from models.warm_up import warm_up
    from streams.admin import Admin, check_topics
    from streams.generations import FIRST, current, generations_in, next_name
    from streams.kafka import bootstrap_servers
    from streams.replay.applying import Apply, names_of
    from streams.replay.opening import on
    from streams.replay.seeding import grown_of
    from streams.replay.switching import LiveGroup, note_building, pointers, switch
    from streams.runs.display import Bars
    from streams.settings import Settings

    bootstrap_servers(Settings())
    settings = current(Settings())
    check_topics(settings)
    found = pointers(settings)
    begun = found.building.name if found.building else ""
    if found.building is not None and found.building.partitions != settings.partitions:
        raise RefusedError(f"Go on with `aisle repartition --partitions {found.building.partitions}` first.")
    if name and begun and name != begun:
        raise RefusedError(f"Generation {begun} is being built: go on without --into, or delete it first.")
    with Admin(settings) as admin:
        there = generations_in(settings.topics, list(admin.topics()))
        name = name or begun or next_name(there)
        if name in there and name != begun:
            raise RefusedError(f"There is a generation or replay {name} already: choose another name (--into).")
        note_building(settings, name)
        admin.create(names_of(settings.topics, name), replication=settings.replication_factor)
    warm_up()
    with Bars() as bars:
        live = LiveGroup(settings)
        grown = grown_of(found.current)
        built = on(settings, bars, lambda site: Apply(name, site, live, wait_s=wait, grown=grown).build(bars.say))
    switch(settings, settings.of_generation(name, settings.partitions), positions=built.positions)
    note_building(settings, None)
    one = built.applied
    if as_json:
        print(json.dumps(one._asdict()))
        return
    print(
        f"Generation {one.generation} is in force: start the workers. `aisle replay --rollback` returns to "
        f"{one.previous or FIRST}.\n"
        f"{one.events:,} events, {one.erased:,} erased; {one.visitors:,} visitors, {one.learned:,} learned, "
        f"{one.copied:,} older steps copied; {one.seconds:.1f} s, {one.events_per_s:,.0f} events/s.\n"
        f"Verified: the model {one.model[:16]} is what its log gives, the visitors are what their log gives.\n"
        f"{one.slates:,} slates without decided_at: {one.digest}"
    )
