"""Which stretch of a topic is being backfilled, on disk: what was taken is not taken again, however often it grows."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import orjson

from schemas.errors import RefusedError


@dataclass(frozen=True)
class Stretch:
    """From where to where, by partition; `open` until it was taken to its end."""

    since: dict[int, int]
    until: dict[int, int]
    open: bool = True


class Stretches:
    """One small file per topic and target.

    Args:
        directory: where it is kept.
        target: names both topics and their brokers.
    """

    def __init__(self, directory: Path, target: str) -> None:
        self._path = directory / f"backfill-{hashlib.blake2b(target.encode(), digest_size=12).hexdigest()}.json"

    def next(self, ends: dict[int, int]) -> Stretch:
        """Give the stretch that was begun, or begin the one up to these ends."""
        before = self._load()
        if before is not None and before.open:
            return before
        stretch = Stretch(before.until if before else {}, ends)
        self._save(stretch)
        return stretch

    def close(self, stretch: Stretch) -> None:
        """Note that a stretch was taken."""
        self._save(Stretch(stretch.since, stretch.until, open=False))

    def _load(self) -> Stretch | None:
        try:
            plain = orjson.loads(self._path.read_bytes())
            since, until = ({int(p): int(at) for p, at in plain[name].items()} for name in ("since", "until"))
            return Stretch(since, until, bool(plain["open"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _save(self, stretch: Stretch) -> None:
        whole = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            whole.write_bytes(orjson.dumps(stretch, option=orjson.OPT_NON_STR_KEYS))
            whole.replace(self._path)
        except OSError as error:
            raise RefusedError(
                f"{self._path} cannot be written ({error.strerror}): set AISLE_DATA_DIR to a folder that can be."
            ) from None
