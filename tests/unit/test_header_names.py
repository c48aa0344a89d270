"""Header names that are not UTF-8, through the class that aiokafka's fetcher reads partitions with."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.header_names import TolerantRecords, as_parsed
from streams.reading import log_record
from tests.bad_input import NoText

CODECS = range(5)
"""None, gzip, snappy, lz4, zstd."""
SIZE = 6
ATTRIBUTES = 22
"""Where the low byte of a batch's attributes stands."""
CONTROL = 0x20
ABORT = struct.pack(">hh", 0, 0)


def record_batch(first: int, names: Sequence[str], *, codec: int = 0, transaction: bool = False) -> bytes:
    """Build a batch as a broker gives it: records from an offset on, each with one header."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, transaction, 7 if transaction else -1, 0, 0, 1 << 20)
    for n, name in enumerate(names):
        builder.append(n, 1000 + n, b"k%d" % n, b"value" * 50, [(name, b"x"), ("after", None)])
    return struct.pack(">q", first) + bytes(builder.build())[8:]


def abort_marker(offset: int) -> bytes:
    """Build the control batch that ends producer 7's transaction."""
    builder = _DefaultRecordBatchBuilderPy(2, 0, 1, 7, 0, -1, 1 << 20)
    builder.append(0, 1000, ABORT, b"", [])
    data = bytearray(struct.pack(">q", offset) + bytes(builder.build())[8:])
    data[ATTRIBUTES] |= CONTROL
    return bytes(data)


def old_message(magic: int, offset: int) -> bytes:
    """Build a message in a format from before there were headers."""
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
    builder.append(0, timestamp=1000, key=b"k", value=b"old")
    return struct.pack(">q", offset) + bytes(builder.build())[8:]


def read(
    data: bytes, *, alone: bool = False, since: int = 0, aborted: Any = None, check: bool = True, key: Any = None
) -> list[Any]:
    """Read what a fetch brought, with the classes that the fetcher has now or with those of aiokafka alone."""
    parser = MemoryRecords if alone else fetcher.MemoryRecords
    unpack: Any = TolerantRecords.__base__ if alone else fetcher.PartitionRecords
    level = READ_COMMITTED if aborted else READ_UNCOMMITTED
    return list(unpack(TopicPartition("t", 0), parser(data), aborted, since, key, None, check, level))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("at", [0, 3, SIZE - 1])
def test_no_record_is_lost_or_read_twice(codec: int, at: int) -> None:
    """Wherever in its batch such a name stands, compressed or not, all records come once and in order."""
    names = [NoText("n") if n == at else "n" for n in range(SIZE)]
    data = record_batch(0, ["n"], codec=codec) + record_batch(1, names, codec=codec) + record_batch(1 + SIZE, ["n"])
    found = [log_record(record) for record in read(data)]

    assert [record.offset for record in found] == list(range(SIZE + 2))
    assert [record.key for record in found[1:-1]] == [b"k%d" % n for n in range(SIZE)]
    assert all(type(record.key) is bytes and record.value == b"value" * 50 for record in found)
    assert found[1 + at].headers == (("\ufffd\ufffdn", b"x"), ("after", b""))
    assert {record.headers for record in found if record.offset != 1 + at} == {(("n", b"x"), ("after", b""))}


def test_a_fetch_may_begin_inside_the_batch() -> None:
    """As after a commit in the middle of it: nothing from before comes again."""
    data = record_batch(0, ["n", "n", "n", NoText("n"), "n"])
    assert [record.offset for record in read(data, since=2)] == [2, 3, 4]
    assert [record.offset for record in read(data, since=4)] == [4]


def test_records_can_be_had_as_parsed() -> None:
    """Without aiokafka's own record around them they say the same, and a batch parsed again comes to its end too."""
    data = record_batch(0, ["n", "n"]) + record_batch(2, ["n", NoText("n"), "n"])
    whole, parsed = read(data), read(data, key=as_parsed)
    assert [one.offset for one in parsed] == [0, 1, 2, 3, 4]
    for name in ("offset", "timestamp", "key", "value"):
        assert [getattr(one, name) for one in parsed] == [getattr(one, name) for one in whole]
    assert [tuple(one.headers) for one in parsed] == [one.headers for one in whole]
    assert not any(isinstance(one, ConsumerRecord) for one in parsed)


def test_aiokafka_alone_raises() -> None:
    """When it no longer does, `streams/header_names.py` has had its time."""
    with pytest.raises(UnicodeDecodeError):
        read(record_batch(0, [NoText("n")]), alone=True)


@pytest.mark.parametrize("aborted", [None, [(7, 2)]])
def test_everything_else_is_read_as_before(aborted: Any) -> None:
    """Aborted transactions with their markers, names in any script, and a batch that the fetch cut off."""
    data = record_batch(0, ["n", "é"]) + record_batch(2, ["n"] * 2, transaction=True) + abort_marker(4)
    data += record_batch(5, ["\u540d"]) + record_batch(6, ["n"])[:-1]
    found = read(data, aborted=aborted, check=False)

    assert found == read(data, alone=True, aborted=aborted, check=False)
    assert [record.offset for record in found] == [0, 1, *([] if aborted else [2, 3]), 5]


@pytest.mark.parametrize("magic", [0, 1])
def test_old_formats_are_read_as_before(magic: int) -> None:
    """Messages from before there were headers."""
    data = old_message(magic, 0) + old_message(magic, 1)
    found = read(data)

    assert found == read(data, alone=True)
    assert [(record.offset, record.value, record.headers) for record in found] == [(0, b"old", ()), (1, b"old", ())]


def test_an_aborted_transaction_stays_aborted() -> None:
    """Whatever its headers are called, and whether it is noticed before or after such a name."""
    data = record_batch(0, [NoText("n")]) + record_batch(1, [NoText("n")], transaction=True) + abort_marker(2)
    data += record_batch(3, [NoText("n")])
    assert [record.offset for record in read(data, aborted=[(7, 1)], check=False)] == [0, 3]


def test_a_wrong_checksum_is_still_refused() -> None:
    """Text or not: a batch that was damaged on its way is no batch."""
    data = bytearray(record_batch(0, [NoText("n")]))
    data[-20] ^= 1
    with pytest.raises(fetcher.Errors.CorruptRecordException):
        read(bytes(data))
