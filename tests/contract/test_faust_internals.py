"""What `streams` takes from Faust and aiokafka without asking: an upgrade fails here, and says where."""

import inspect
from importlib.metadata import version
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from faust.transport.consumer import Consumer as BaseConsumer
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from mode.utils.futures import notify

from streams import transport
from streams.header_names import KeptRecords, TolerantRecords
from streams.transport import Flight

AiokafkaRecords = TolerantRecords.__base__


@pytest.mark.parametrize(
    ("package", "pinned"), [("faust-streaming", "0.15.3"), ("mode-streaming", "0.7.1"), ("aiokafka", "0.14.0")]
)
def test_versions(package: str, pinned: str) -> None:
    """The three packages whose insides are used are exactly the ones this was written against."""
    assert version(package) == pinned


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (driver.Consumer, "_new_consumer_thread", ["self"]),
        (driver.Consumer, "on_partitions_revoked", ["self", "revoked"]),
        (driver.Consumer, "perform_seek", ["self"]),
        (driver.Consumer, "ack", ["self", "message"]),
        (driver.Consumer, "_filter_tps_with_pending_acks", ["self", "topics"]),
        (driver.Consumer, "_new_offset", ["self", "tp"]),
        (driver.Consumer, "_commit_offsets", ["self", "offsets", "start_new_transaction"]),
        (driver.Consumer, "_drain_messages", ["self", "fetcher"]),
        (driver.Consumer, "_wait_next_records", ["self", "timeout"]),
        (driver.Consumer, "wait_first", ["self", "coros", "timeout"]),
        (driver.Consumer, "highwater", ["self", "tp"]),
        (driver.Consumer, "earliest_offsets", ["self", "partitions"]),
        (driver.AIOKafkaConsumerThread, "highwater", ["self", "tp"]),
        (AIOKafkaConsumer, "last_stable_offset", ["self", "partition"]),
        (driver.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
        (driver.AIOKafkaConsumerThread, "on_thread_stop", ["self"]),
        (driver.Producer, "_new_producer", ["self", "transactional_id"]),
        (faust.Worker, "_on_sigterm", ["self"]),
        (faust.App, "_on_partitions_revoked", ["self", "revoked"]),
        (faust.App, "_on_partitions_assigned", ["self", "assigned", "generation_id"]),
        (CoordinatorGroupRebalance, "_on_join_leader", ["self", "response"]),
        (AIOKafkaProducer, "create_batch", ["self"]),
        (AIOKafkaProducer, "send_batch", ["self", "batch", "topic", "partition"]),
    ],
)
def test_methods(owner: Any, name: str, parameters: list[str]) -> None:
    """Every method that is overridden or called has the parameters it had."""
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_consumer_attributes() -> None:
    """The consumer's bookkeeping that ours reads and writes is still set up in its constructor."""
    source = inspect.getsource(BaseConsumer.__init__) + inspect.getsource(BaseConsumer)
    for name in (
        "_unacked_messages",
        "_n_acked",
        "_waiting_for_ack",
        "_read_offset",
        "_committed_offset",
        "_buffered_partitions",
        "suspend_flow",
        "flow_active",
        "consumer_stopped_errors",
    ):
        assert name in source


def test_commits_go_through_the_overridden_methods() -> None:
    """Faust's own commit asks `_new_offset` what to commit and hands it to `_commit_offsets`."""
    assert "_new_offset(tp)" in inspect.getsource(BaseConsumer._filter_committable_offsets)
    assert "_commit_offsets(" in inspect.getsource(BaseConsumer._commit_tps)
    assert "_filter_tps_with_pending_acks(" in inspect.getsource(BaseConsumer.force_commit)


def test_consumer_arguments() -> None:
    """Aiokafka's consumer takes what ours is made with."""
    wanted = {"group_instance_id", "fetch_min_bytes", "fetch_max_wait_ms", "rebalance_timeout_ms", "max_poll_records"}
    wanted |= {"isolation_level"}
    assert wanted <= set(inspect.signature(AIOKafkaConsumer.__init__).parameters)


def test_a_fetch_that_finds_a_partition_gone_asks_for_the_topics_anew() -> None:
    """That is where the source is doubted."""
    from aiokafka.consumer.fetcher import Fetcher

    source = inspect.getsource(Fetcher)
    gone = source.index("Errors.UnknownTopicOrPartitionError,\n                    ):")
    assert "self._client.force_metadata_update()" in source[gone : gone + 200]


def test_joining_once_more() -> None:
    """The coordinator is asked for it in the loop of the consumer's thread."""
    assert list(inspect.signature(GroupCoordinator.request_rejoin).parameters) == ["self"]
    from mode.threads import ServiceThread

    assert issubclass(driver.AIOKafkaConsumerThread, ServiceThread)
    assert "self.thread_loop = " in inspect.getsource(ServiceThread.__init__)


def test_positions() -> None:
    """Where a partition is read on from stands in the assignment's state, with its valid position."""
    from aiokafka.consumer.subscription_state import Assignment, TopicPartitionState

    assert {"tps", "state_value"} <= set(dir(Assignment))
    assert {"position", "has_valid_position"} <= set(dir(TopicPartitionState))
    assert "._subscription.subscription.assignment" in inspect.getsource(AIOKafkaConsumer)


def test_leaving_the_group() -> None:
    """A consumer that stops sends its leave unless its coordinator holds an instance id, which is looked at only then.

    It is stopped by its thread.
    """
    assert "self._consumer.stop()" in inspect.getsource(driver.AIOKafkaConsumerThread.on_thread_stop)
    assert "self._group_instance_id is None" in inspect.getsource(GroupCoordinator._maybe_leave_group)
    assert "self._coordinator.close()" in inspect.getsource(AIOKafkaConsumer.stop)


def test_record_parser() -> None:
    """The fetcher looks up both classes that are replaced, its loop goes on where it was, and names are slices."""
    assert (fetcher.MemoryRecords, fetcher.PartitionRecords) == (KeptRecords, TolerantRecords)
    fetch = inspect.getsource(fetcher.Fetcher)
    assert "= MemoryRecords(part_data[-1])" in fetch
    assert "= PartitionRecords(" in fetch
    unpack = inspect.getsource(AiokafkaRecords._unpack_records)
    assert "while records.has_next():" in unpack
    assert "self.next_fetch_offset = record.offset + 1" in unpack
    assert list(inspect.signature(AiokafkaRecords._consumer_record).parameters) == ["self", "tp", "record"]
    assert "next_slice = self._next_slice" in inspect.getsource(_MemoryRecordsPy.next_batch)
    assert "return DefaultRecordBatch(next_slice)" in inspect.getsource(_MemoryRecordsPy.next_batch)
    assert "self._buffer = bytearray(uncompressed)" in inspect.getsource(_DefaultRecordBatchPy._maybe_uncompress)
    assert 'buffer[pos : pos + h_key_len].decode("utf-8")' in inspect.getsource(_DefaultRecordBatchPy._read_msg)


def test_scheme() -> None:
    """`batch://` stands for our transport, and futures are woken as before."""
    assert TRANSPORTS.by_url("batch://x") is transport.Transport
    assert list(inspect.signature(notify).parameters) == ["fut", "result"]


def test_acknowledged_prefix() -> None:
    """Only what is acknowledged without a hole is committed, and a failed commit is tried again."""
    flight = Flight()
    one, two, three = (flight.deliver(last) for last in (4, 9, 14))
    two.acked = True
    assert flight.committable() is None
    one.acked = True
    assert flight.committable() == 10
    flight.failed(10)
    assert flight.committable() == 10
    assert flight.committable() is None
    flight.failed(10)
    three.acked = True
    assert flight.committable() == 15
