"""What `streams/transport.py` takes from Faust and aiokafka without asking: an upgrade fails here, and says where."""

import inspect
from importlib.metadata import version
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance
from faust.transport.consumer import Consumer as BaseConsumer
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from mode.utils.futures import notify

from streams import transport
from streams.transport import Flight


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
        (driver.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
        (driver.Producer, "_new_producer", ["self", "transactional_id"]),
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
    assert wanted <= set(inspect.signature(AIOKafkaConsumer.__init__).parameters)


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
