"""Style sheets, scripts and icons: addressed by what they are, so that browsers may keep them for ever."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """A file."""

    content: bytes
    media_type: str


class Assets:
    """All files of a folder, read once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.name: Asset(path.read_bytes(), TYPES[path.suffix])
            for path in sorted(folder.iterdir())
            if path.suffix in TYPES
        }
        self.version = sha256(b"".join(file.content for file in self._files.values())).hexdigest()[:12]

    def url(self, name: str) -> str:
        """Give a file's address; scripts import each other beside it, so all change together."""
        if name not in self._files:
            raise KeyError(name)
        return f"/shop/{self.version}/{name}"

    def get(self, version: str, name: str) -> Asset | None:
        """Give a file."""
        return self._files.get(name) if version == self.version else None
