"""How far an import, or a campaign, has come, on disk: a restart goes on from there."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from schemas.errors import RefusedError


@dataclass(frozen=True)
class Progress:
    """The first `events` events of a file stand in the topic before the offsets `ends`, by partition.

    Of a campaign: none of its slates does.
    """

    events: int = 0
    ends: Mapping[str, int] = field(default_factory=dict)


class Checkpoint:
    """One small file per (content, topic, broker), replaced as a whole.

    Args:
        directory: where such files are kept.
        digest: of the imported content.
        target: names the topic and the broker.
        kind: of what it is the progress.
    """

    def __init__(self, directory: Path, *, digest: str, target: str, kind: str = "import") -> None:
        name = hashlib.blake2b(f"{digest} {target}".encode(), digest_size=12).hexdigest()
        self._path = directory / f"{kind}-{name}.json"

    def load(self) -> Progress | None:
        """Give what was saved last; None for nothing, or nothing readable."""
        try:
            saved = orjson.loads(self._path.read_bytes())
            return Progress(events=int(saved["events"]), ends={str(k): int(v) for k, v in saved["ends"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def save(self, progress: Progress) -> None:
        """Replace what was saved.

        Raises:
            RefusedError: it cannot be written.
        """
        whole = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            whole.write_bytes(orjson.dumps(asdict(progress)))
            whole.replace(self._path)
        except OSError as error:
            raise RefusedError(
                f"{self._path} cannot be written ({error.strerror}): set AISLE_DATA_DIR to a folder that can be."
            ) from None

    def forget(self) -> None:
        """Begin anew."""
        self._path.unlink(missing_ok=True)
