"""Who was forgotten, whichever gateway they asked: the fold of `erasures` that takes them off their shelves."""

from collections.abc import Callable, Mapping

from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.topics import ERASURES, TopicName
from streams.flow import LogRecord
from streams.unreadable import unreadable


class ErasuresFold:
    """Hands on every erasure.

    Args:
        erase: is given each in order.
    """

    topic: TopicName = ERASURES

    def __init__(self, erase: Callable[[Erasure], object]) -> None:
        self._erase = erase
        self._positions: dict[int, int] = {}

    def apply(self, record: LogRecord) -> None:
        """Take the next entry."""
        self._positions[record.partition] = record.offset
        if record.value is None:
            return
        try:
            self._erase(Erasure.decode(record.value))
        except DecodeError as error:
            unreadable(ERASURES, str(error), partition=record.partition, offset=record.offset)

    def positions(self) -> Mapping[int, int]:
        """Give the last offset applied by partition."""
        return self._positions
