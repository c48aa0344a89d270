"""`aisle schema`: the records and topics for other languages and tools."""

import json
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import RefusedError

app = typer.Typer(help="The records as JSON schemas, the topics as AsyncAPI.", no_args_is_help=True)


@app.callback()
def _commands() -> None:
    """Keep `export` a command of its own, though it is the only one."""


@app.command()
def export(
    directory: Annotated[
        Path | None,
        typer.Argument(
            help="Write one file per record here, and asyncapi.json; without it, print the records' schemas.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the JSON schema of every record, and the topics as an AsyncAPI document.

    Files that shops were built on are not replaced by ones that would break them.
    """
    from streams.asyncapi.records import record_schemas

    if directory is None:
        print(json.dumps(record_schemas(), indent=2))
        return
    _refuse_breaking(directory)
    files = exported()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (directory / name).write_text(text)
    except OSError as error:
        raise RefusedError(f"{directory} cannot be written ({error.strerror}).") from None
    print(f"{len(files) - 1} schemas and asyncapi.json in {directory}")


def exported() -> dict[str, str]:
    """Give every file's text by its name."""
    from streams.asyncapi.document import asyncapi
    from streams.asyncapi.records import record_schemas

    files = {f"{name}.schema.json": schema for name, schema in record_schemas().items()}
    return {name: json.dumps(body, indent=2) + "\n" for name, body in (files | {"asyncapi.json": asyncapi()}).items()}


def _refuse_breaking(directory: Path) -> None:
    """Let nothing be replaced that shops rely on.

    Raises:
        RefusedError: with what would be missed.
    """
    from streams.asyncapi.growth import SHOPS, broken
    from streams.asyncapi.records import record_schemas

    for name, side in SHOPS.items():
        file = directory / f"{name}.schema.json"
        try:
            before = json.loads(file.read_text())
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            raise RefusedError(f"{file} is no JSON schema: remove it.") from None
        missed = broken(before, record_schemas()[name], side=side)
        if missed:
            raise RefusedError(
                f"Shops built on {file} would break: {'; '.join(missed)}. Keep it, or give the record another major "
                "version; where no shop uses it, remove the file."
            )
