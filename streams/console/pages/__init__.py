"""The console's pages: files as they are, each read once."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent

KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """A file with its media type."""

    data: bytes
    kind: str


@cache
def page(name: str) -> str:
    """Give a page of HTML."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def _assets() -> dict[str, Asset]:
    return {
        path.name: Asset(path.read_bytes(), KINDS[path.suffix])
        for path in sorted(FOLDER.iterdir())
        if path.suffix in KINDS
    }


def asset(name: str) -> Asset | None:
    """Give a script, a style sheet or a drawing; None for what is none of them."""
    return _assets().get(name)
