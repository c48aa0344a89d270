"""Which dead letters a partition has taken again: each once, however often it is sent.

An operator's command may be killed and started again, or two may run at once, so a letter can come twice. The first
one counts. What was taken is durable with the state it changed: an entry in the changelog beside the visitors.
"""

from collections.abc import Iterable

import orjson

from schemas.letter_id import REQUEUED_HEADER, LetterId
from streams.flow import LogRecord

KEY = b"\0requeued/"
"""No visitor id contains a control character."""

KEPT_MS = 90 * 24 * 3600 * 1000
"""Three times as long as letters are kept: what was taken before that cannot be sent again."""


class Requeued:
    """Letter by letter the offset it was taken at and when that arrived, in the order they came."""

    def __init__(self, taken: dict[bytes, tuple[int, int]] | None = None) -> None:
        self._taken = taken or {}

    def __len__(self) -> int:
        """Count the letters."""
        return len(self._taken)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Requeued) and self._taken == other._taken

    __hash__ = None  # type: ignore[assignment]

    def again(self, letter: LetterId, offset: int) -> bool:
        """Tell whether a letter was taken from an earlier record than the one at this offset.

        A record that is read again after a crash is not an earlier one: its visitor's state may not be written yet.
        """
        return self._taken.get(letter.header(), (offset, 0))[0] < offset

    def take(self, letter: LetterId, record: LogRecord) -> dict[bytes, bytes | None]:
        """Note that a record brought this letter.

        Returns:
            what must be written to the changelog: the entry, and tombstones for those that are too old to matter.
        """
        header = letter.header()
        self._taken.setdefault(header, (record.offset, record.timestamp_ms))
        written: dict[bytes, bytes | None] = {KEY + header: _entry(*self._taken[header])}
        for old in self._old(record.timestamp_ms):
            del self._taken[old]
            written[KEY + old] = None
        return written

    def restore(self, key: bytes, value: bytes | None, *, anew: bool) -> None:
        """Take the last entry of a key in the changelog; one that cannot be read is none.

        Args:
            key: of the entry.
            value: of the entry; None: a tombstone.
            anew: the source was created anew since, its offsets start over.
        """
        try:
            entry = orjson.loads(value or b"")
            self._taken[key.removeprefix(KEY)] = -1 if anew else int(entry["applied"]), int(entry["at"])
        except (ValueError, KeyError, TypeError):
            return

    def entries(self, *, before: int | None = None) -> dict[bytes, bytes]:
        """Give what stands in the changelog of letters that were taken before an offset; of all where absent."""
        return {
            KEY + header: _entry(*taken) for header, taken in self._taken.items() if before is None or taken[0] < before
        }

    def joined(self, *others: "Requeued") -> "Requeued":
        """Add letters that others have taken; what is known here of one counts."""
        taken = {header: place for one in (*reversed(others), self) for header, place in one._taken.items()}  # noqa: SLF001
        return Requeued(dict(sorted(taken.items(), key=lambda item: item[1][1])))

    def rebased(self) -> "Requeued":
        """Forget at which offsets letters were taken: those of a new epoch start over."""
        return Requeued({header: (-1, at) for header, (_, at) in self._taken.items()})

    def _old(self, now_ms: int) -> list[bytes]:
        old = []
        for header, (_, at) in self._taken.items():
            if now_ms - at <= KEPT_MS:
                break
            old.append(header)
        return old


def _entry(offset: int, at_ms: int) -> bytes:
    return b'{"applied":%d,"at":%d}' % (offset, at_ms)


def letter_of(headers: Iterable[tuple[str, bytes | None]]) -> LetterId | None:
    """Give the dead letter that a record was sent again from, by its headers."""
    return next((LetterId.read(value) for name, value in headers if name == REQUEUED_HEADER), None)
