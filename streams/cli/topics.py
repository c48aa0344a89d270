"""`aisle topics`: what the installation needs on its broker."""

import json
from typing import Annotated

import typer

from schemas.errors import RefusedError
from schemas.topics import SPECS

app = typer.Typer(help="Create and list the topics of this installation.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]


@app.command()
def create(
    recreate: Annotated[
        list[str] | None,
        typer.Option(help="Delete this topic with all its records first; may be repeated.", show_default=False),
    ] = None,
    set_configs: Annotated[
        list[str] | None,
        typer.Option(help="Set how this topic is kept, which keeps its records; may be repeated.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create the topics that are missing; refuses a topic with wrong partitions, cleanup policy or kind of time."""
    from streams.admin import Admin
    from streams.generations import current
    from streams.settings import Settings

    settings = current(Settings())
    unknown = {*(recreate or ()), *(set_configs or ())} - {spec.name for spec in SPECS}
    if unknown:
        raise RefusedError(f"There is no topic {', '.join(sorted(unknown))}: `aisle topics list` names them.")
    with Admin(settings) as admin:
        there = admin.topics()
        gone = [settings.topics[spec.name] for spec in SPECS if spec.name in (recreate or ())]
        admin.delete([name for name in gone if name in there])
        kept = [
            spec.name for spec in SPECS if settings.topics[spec.name] in there and spec.name not in (recreate or ())
        ]
        admin.set_configs(settings.topics, [name for name in kept if name in (set_configs or ())])
        created = admin.create(settings.topics, replication=settings.replication_factor)
    if as_json:
        print(json.dumps({"created": created}))
    else:
        print("\n".join(f"created {name}" for name in created) or "All topics are there.")


@app.command("list")
def list_topics(as_json: Json = False) -> None:
    """List the topics of this installation: partitions, records kept, what is missing."""
    from streams.admin import Admin
    from streams.generations import current
    from streams.settings import Settings

    settings = current(Settings())
    rows = []
    with Admin(settings) as admin:
        there = admin.topics()
        for spec in SPECS:
            name = settings.topics[spec.name]
            end = sum(admin.ends(name).values()) if name in there else None
            wanted = settings.topics.partitions_of(spec)
            rows.append({"topic": name, "partitions": there.get(name), "wanted": wanted, "end": end})
    if as_json:
        print(json.dumps({"topics": rows}))
        return
    for row in rows:
        found = "missing" if row["partitions"] is None else f"{row['partitions']} partitions"
        written = "" if row["end"] is None else f"{row['end']:>12,} written"
        note = "" if row["partitions"] in {None, row["wanted"]} else f"  needs {row['wanted']}"
        print(f"{row['topic']:<32} {found:>14}{written}{note}")
