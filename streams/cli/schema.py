"""`aisle schema`: the records for other languages and tools."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The records as JSON schemas.", no_args_is_help=True)


@app.callback()
def _commands() -> None:
    """Keep `export` a command of its own, though it is the only one."""


@app.command()
def export(
    directory: Annotated[
        Path | None, typer.Argument(help="Write one file per record here; without it, print all.", show_default=False)
    ] = None,
) -> None:
    """Write the JSON schema of every record."""
    schemas = record_schemas()
    if directory is None:
        print(json.dumps(schemas, indent=2))
        return
    from schemas.errors import RefusedError

    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, schema in schemas.items():
            (directory / f"{name}.schema.json").write_text(json.dumps(schema, indent=2) + "\n")
    except OSError as error:
        raise RefusedError(f"{directory} cannot be written ({error.strerror}).") from None
    print(f"{len(schemas)} schemas in {directory}")


def record_schemas() -> dict[str, dict[str, object]]:
    """Give the JSON schema of every record by its name."""
    from schemas.dead import DeadLetter, Requeue
    from schemas.erasures import Erasure
    from schemas.events import Event
    from schemas.judgements import JudgementRequest, JudgementTable
    from schemas.learning import LearningStep
    from schemas.products import Embedding, Product
    from schemas.rules import Rule
    from schemas.slates import Evidence, Slate

    stream = (Event, Slate, Evidence, LearningStep, Erasure, DeadLetter, Requeue)
    tables = (Product, Embedding, JudgementRequest, JudgementTable, Rule)
    return {record.__name__: record.model_json_schema() for record in (*stream, *tables)}
