"""`aisle repartition`: more partitions."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RefusedError

if TYPE_CHECKING:
    from streams.replay.repartitioning import Moved
    from streams.replay.replaying import Installation
    from streams.settings import Settings


def repartition(
    partitions: Annotated[int, typer.Option(min=1, max=1024, help="How many there are to be.", show_default=False)],
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the workers to leave.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Give the clickstream more partitions, and move every visitor to the one where their events will be.

    Pause the producers before, or let them learn of the new partitions (5 minutes) before the workers start.
    """
    from streams.cli.generations import say
    from streams.generations import current
    from streams.kafka import bootstrap_servers
    from streams.replay.switching import LiveGroup
    from streams.settings import Settings

    bootstrap_servers(Settings())
    settings = current(Settings(), finishing=True)
    if partitions <= settings.partitions:
        raise RefusedError(
            f"There are {settings.partitions} partitions: name more. Kafka takes none away, and what stands in one "
            "that nobody reads would be lost."
        )
    try:
        LiveGroup(settings).wait_empty(wait, say)
        found = _move(settings, partitions)
    except KeyboardInterrupt:
        raise RefusedError("Stopped. The same command goes on from here.") from None
    if as_json:
        print(json.dumps(found._asdict()))
    else:
        print(
            f"Generation {found.generation} with {found.partitions} partitions is in force: {found.moved:,} of "
            f"{found.visitors:,} visitors moved, {found.learned:,} steps copied. Start the workers once the producers "
            "know the partitions."
        )


def _move(settings: "Settings", partitions: int) -> "Moved":
    from schemas.topics import Topics
    from streams.admin import Admin
    from streams.generations import generations_in, next_name
    from streams.replay.opening import on
    from streams.replay.past import marks, waiting
    from streams.replay.repartitioning import GROWING, Repartition
    from streams.replay.switching import note_building, pointers, switch
    from streams.runs.display import Bars

    building = pointers(settings).building
    if building is not None and building.partitions != partitions:
        raise RefusedError(f"Generation {building.name} is being built: finish that first, with the command it was.")

    async def left(site: "Installation") -> int:
        return await waiting(site.logs, site.topics, await marks(site.logs, site.topics))

    with Bars() as bars:
        if building is None and (there := on(settings, bars, left)):
            raise RefusedError(f"{there} events wait: let `aisle worker clicks` finish, then stop it.")
        with Admin(settings) as admin:
            name = building.name if building else next_name(generations_in(settings.topics, list(admin.topics())))
            note_building(settings.of_generation(name, partitions), name)
            admin.grow([settings.topics[topic] for topic in GROWING], partitions)
            admin.create(Topics(settings.topic_prefix, partitions, name), replication=settings.replication_factor)
        found, positions = on(settings, bars, lambda site: Repartition(site, name, partitions).move())
    switch(settings, settings.of_generation(name, partitions), positions=positions)
    note_building(settings, None)
    return found
