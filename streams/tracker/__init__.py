"""The tracker: what a shop's pages load to send events and show shelves."""

from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import NamedTuple

MEDIA_TYPE = "text/javascript; charset=utf-8"

MOST_BYTES = 5120
"""What a page may have to load, gzipped."""


class TrackerFile(NamedTuple):
    """A file as it is served; `etag` is strong and stands in its quotes."""

    body: bytes
    etag: str


@cache
def script() -> TrackerFile:
    """Give the classic script, which makes `window.aisle`."""
    return _file("window.aisle=")


@cache
def module() -> TrackerFile:
    """Give the ES module, whose default export is the same object."""
    return _file("export default ")


def _file(opening: str) -> TrackerFile:
    body = (opening + (files(__name__) / "aisle.min.js").read_text(encoding="utf-8") + "\n").encode()
    return TrackerFile(body, f'"{blake2b(body, digest_size=16).hexdigest()}"')
