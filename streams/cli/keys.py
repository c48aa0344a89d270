"""`aisle keys`: who may use the gateway's server routes, and the console."""

import json
from pathlib import Path
from typing import Annotated

import typer

from streams.web.keys import Role

app = typer.Typer(help="API keys of servers and operators.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option(help="File of keys; AISLE_KEYS_FILE where not given.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is: letters, digits, and ._- between them.")],
    role: Annotated[Role, typer.Option(help="server: a shop's backend; view or operate: who uses the console.")],
    file: File = None,
) -> None:
    """Make a key and print it, once: the file has only its hash. Gateways take it without a restart."""
    import sys

    from streams.web.key_file import added
    from streams.web.keys import new_key

    path, key = _path(file), new_key()
    added(path, name, role, key)
    print(key)
    print(f"This is the key of {name}; it cannot be shown again.", file=sys.stderr)


@app.command("list")
def list_keys(file: File = None, as_json: Json = False) -> None:
    """List who holds keys, and for what."""
    from streams.web.keys import KeyRing

    holders = KeyRing(_path(file)).holders()
    if as_json:
        print(json.dumps({"keys": [holder._asdict() for holder in holders]}))
        return
    width = max((len(holder.name) for holder in holders), default=0)
    print("\n".join(f"{holder.name:<{width}}  {holder.role}" for holder in holders) or "There are no keys.")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Whose key it is.")], file: File = None) -> None:
    """Take a key away; gateways and consoles turn it down from then on."""
    from streams.web.key_file import removed

    removed(_path(file), name)
    print(f"The key of {name} is gone.")


def _path(file: Path | None) -> Path:
    from schemas.errors import RefusedError
    from streams.settings import Settings

    path = file or Settings().keys_file
    if path is None:
        raise RefusedError("There is no file of keys: set AISLE_KEYS_FILE, or name one with --file.")
    return path
