"""Which record keeps killing the worker: what was in work when it died, counted in files that survive.

The child notes what it is about to handle (`WorkMarker`), its parent counts deaths by partition and watermark
(`Deaths`). After two deaths at one watermark the child works record by record; the record it dies on then is skipped
and becomes a dead letter.
"""

import contextlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

CAREFUL_AFTER = 2


class InWork(NamedTuple):
    """A stretch of one partition that is being handled: after `mark`, up to `last`."""

    partition: int
    mark: int
    last: int


class WorkMarker:
    """A small file that names what is being handled; what the page cache holds survives `kill -9`.

    Args:
        path: the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
        self.clear()

    def set(self, work: InWork) -> None:
        """Name what is handled next."""
        self._write(b"%d %d %d" % work)

    def clear(self) -> None:
        """Nothing is being handled: a death now is nobody's fault."""
        self._write(b"")

    def _write(self, note: bytes) -> None:
        """Write in place, which takes room on the disk only once; where there is none, nobody is suspected."""
        with contextlib.suppress(OSError):
            os.pwrite(self._file, b"%-80s" % note, 0)


def read_marker(path: Path) -> InWork | None:
    """Read what a dead child was handling."""
    try:
        return InWork(*map(int, path.read_bytes().split()))
    except (FileNotFoundError, TypeError, ValueError):  # not there, blank, or not what a marker writes
        return None


@dataclass(frozen=True)
class Suspect:
    """A stretch on which the worker died before."""

    mark: int
    last: int
    deaths: int = 1


@dataclass(frozen=True)
class Deaths:
    """Deaths by partition and watermark, and the records that were convicted.

    >>> deaths = Deaths().after(InWork(0, 9, 20)).after(InWork(0, 9, 25))
    >>> deaths.careful(0, 10), deaths.careful(0, 26), deaths.careful(1, 10)
    (True, False, False)
    >>> deaths.after(InWork(0, 13, 14)).skipped(0, 14)
    True
    """

    suspects: dict[int, Suspect] = field(default_factory=dict)
    skips: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def after(self, work: InWork | None) -> "Deaths":
        """Count one more death."""
        if work is None:
            return self
        if self.careful(work.partition, work.last) and work.last == work.mark + 1:
            skips = {**self.skips, work.partition: (*self.skips.get(work.partition, ()), work.last)}
            return replace(self, skips=skips)
        before = self.suspects.get(work.partition)
        # Pieces differ in size from one life to the next: what two deaths have in common is what is suspected.
        again = before is not None and before.mark < work.last and work.mark < before.last
        suspect = (
            Suspect(max(work.mark, before.mark), min(work.last, before.last), before.deaths + 1)
            if before and again
            else Suspect(work.mark, work.last)
        )
        return replace(self, suspects={**self.suspects, work.partition: suspect})

    def without(self, partitions: Collection[int]) -> "Deaths":
        """Forget what was counted on partitions: their offsets may mean other records now.

        >>> Deaths(skips={0: (17,), 1: (3,)}).without({0}).skips
        {1: (3,)}
        """
        return Deaths(
            {p: one for p, one in self.suspects.items() if p not in partitions},
            {p: offsets for p, offsets in self.skips.items() if p not in partitions},
        )

    def careful(self, partition: int, offset: int) -> bool:
        """Tell whether a record must be handled alone."""
        suspect = self.suspects.get(partition)
        if self.skipped(partition, offset):
            return True
        return suspect is not None and suspect.deaths >= CAREFUL_AFTER and suspect.mark < offset <= suspect.last

    def skipped(self, partition: int, offset: int) -> bool:
        """Tell whether a record was convicted."""
        return offset in self.skips.get(partition, ())


def load_deaths(path: Path) -> Deaths:
    """Read the counts; none when there is no file or it is broken (then counting starts over)."""
    try:
        raw = json.loads(path.read_text())
        return Deaths(
            {int(p): Suspect(**suspect) for p, suspect in raw["suspects"].items()},
            {int(p): tuple(offsets) for p, offsets in raw["skips"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Deaths()


def save_deaths(path: Path, deaths: Deaths) -> None:
    """Write the counts, whole or not at all."""
    raw = {
        "suspects": {p: vars(suspect) for p, suspect in deaths.suspects.items()},
        "skips": deaths.skips,
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(raw))
    fresh.replace(path)
