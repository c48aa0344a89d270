"""Kafka header names that are not UTF-8: aiokafka raises at them, and so never gets past the record.

librdkafka, Go and Rust take any bytes for a name, so one record could stop a worker for ever. Batches are parsed by the
compiled parser as before; one that it cannot decode is parsed again by the parser in Python that aiokafka ships beside
it. Formats before v2 have no headers. `tests/contract` pins every name used here.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def read_any_header_name() -> None:
    """Make every aiokafka consumer of this process read such names, with U+FFFD for what is no text."""
    fetcher.MemoryRecords = KeptRecords
    fetcher.PartitionRecords = TolerantRecords


class KeptRecords(_MemoryRecordsPy):
    """What a fetch brought of one partition; keeps the bytes of the batch it gave last."""

    raw: memoryview

    def next_batch(self) -> Any:
        """Give the next batch, compiled; None after the last."""
        self.raw = self._next_slice
        return super().next_batch()


def as_parsed(key: bytes | None) -> bytes | None:
    """Give a key as it is; as a consumer's `key_deserializer` it asks for records as the parser made them."""
    return key


class TolerantRecords(fetcher.PartitionRecords):
    """The records of a fetch, whatever their headers are called.

    aiokafka copies each into a record of its own, which costs several times what parsing does; a consumer of millions
    does without (`as_parsed`) and gets objects with `offset`, `timestamp`, `key`, `value` and `headers`.
    """

    next_fetch_offset: int

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record if self._key_deserializer is as_parsed else super()._consumer_record(tp, record)

    def _unpack_records(self) -> Iterator[Any]:
        while True:
            try:
                yield from super()._unpack_records()
            except UnicodeDecodeError:
                yield from self._unpack_again()
            else:
                return

    def _unpack_again(self) -> Iterator[Any]:
        """Go on in the batch where its compiled parser gave up, and come to its end."""
        batch = _DefaultRecordBatchPy(self._records.raw)
        batch._maybe_uncompress()  # noqa: SLF001
        batch._buffer = _Octets(batch._buffer)  # noqa: SLF001
        for record in batch:
            if record.offset >= self.next_fetch_offset:
                found = self._consumer_record(self._tp, record)
                self.next_fetch_offset = record.offset + 1
                yield found
        self.next_fetch_offset = batch.next_offset


class _Octets(bytearray):
    """Bytes whose slices decode whatever they hold."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Octets(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
