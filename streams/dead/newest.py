"""Which records of the catalogue are newer than a letter: an old one must never replace them."""

from schemas.letter_id import LetterId
from schemas.topics import PRODUCTS
from streams.dead.reading import Reader


class Newest:
    """Where each product's last record stands.

    Args:
        reader: of the broker; used for nothing else meanwhile.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._read: dict[int, int] = {}
        self._last: dict[bytes, tuple[int, int, int]] = {}

    async def catch_up(self) -> None:
        """Read what has come since."""
        ends = await self._reader.ends(PRODUCTS)
        async for records in self._reader.records(PRODUCTS, self._read, ends):
            for record in records:
                if record.key is not None:
                    self._last[record.key] = record.partition, record.offset, record.timestamp_ms
        self._read = ends

    def overtakes(self, key: bytes, letter: LetterId) -> bool:
        """Tell whether a product has a record, or a tombstone, that came after a letter's."""
        partition, offset, arrived_ms = self._last.get(key, (letter.partition, -1, 0))
        return offset > letter.offset if partition == letter.partition else arrived_ms > letter.arrived_ms
