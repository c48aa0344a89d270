"""Read whole partitions without a group: to the end they have now, and where they start and end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.flow import LogRecord
from streams.header_names import as_parsed, read_any_header_name

read_any_header_name()

FETCH_BYTES = 1 << 22
"""One answer of a broker: copying a larger one holds the event loop for long, and is no faster."""


def assigned_consumer(
    client: Mapping[str, Any], *, group: str | None = None, parsed_only: bool = False, max_wait_ms: int = 500
) -> AIOKafkaConsumer:
    """Build a consumer for `assign` and `seek`.

    `earliest`, because with `latest` an assignment starts a jump to the end that can overtake the seek. What a
    transaction took back or may still take back is not given, as it is not to the workers; ends are told accordingly.

    Args:
        client: keyword arguments that every aiokafka client takes.
        group: whose committed offsets may be asked for.
        parsed_only: give records as `Parsed` has them, at a part of the cost.
        max_wait_ms: a fetch that finds nothing new is answered after so long.
    """
    return AIOKafkaConsumer(
        **client,
        group_id=group,
        key_deserializer=as_parsed if parsed_only else None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=FETCH_BYTES,
        fetch_max_wait_ms=max_wait_ms,
    )


def readable_end(consumer: Any, tp: TopicPartition) -> int | None:
    """Give the end of what may be read, as the last fetch saw it: a transaction that is open may be taken back."""
    end, stable = consumer.highwater(tp), consumer.last_stable_offset(tp)
    return end if stable is None or stable < 0 else stable


def log_record(record: Any) -> LogRecord:
    """Take what a fold or an agent needs from aiokafka's record; a header without a value has an empty one."""
    headers = tuple((name, value or b"") for name, value in record.headers)
    return LogRecord(record.partition, record.offset, record.timestamp, record.key, record.value, headers)


async def read_to_end(
    consumer: AIOKafkaConsumer,
    topic: str,
    starts: Mapping[int, int],
    take: Callable[[int, Sequence[LogRecord]], None],
) -> dict[int, int]:
    """Read partitions from given offsets to the end they have when this is called.

    Args:
        consumer: of `assigned_consumer`, started; its assignment is replaced.
        topic: name on the broker.
        starts: first offset wanted by partition.
        take: is given a partition's next records.

    Returns:
        the end of each partition.
    """

    def convert(partition: int, records: Sequence[Any]) -> None:
        take(partition, [log_record(record) for record in records])

    return await read_parsed_to_end(consumer, topic, starts, convert)


async def read_parsed_to_end(
    consumer: AIOKafkaConsumer, topic: str, starts: Mapping[int, int], take: Callable[[int, Sequence[Any]], None]
) -> dict[int, int]:
    """Read partitions from given offsets to the end they have when this is called, records as the consumer gives them.

    Args:
        consumer: of `assigned_consumer`, started; its assignment is replaced.
        topic: name on the broker.
        starts: first offset wanted by partition.
        take: is given a partition's next records.

    Returns:
        the end of each partition.
    """
    tps = [TopicPartition(topic, partition) for partition in starts]
    if not tps:
        return {}
    consumer.assign(tps)
    begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    for tp in tps:
        consumer.seek(tp, max(begins[tp], starts[tp.partition]))
    left = set(tps)
    while left:
        for tp in list(left):
            if await consumer.position(tp) >= ends[tp]:
                left.discard(tp)
        if left:
            found = await consumer.getmany(*left, timeout_ms=100, max_records=5000)
            for tp, records in found.items():
                take(tp.partition, records)
    return {tp.partition: ends[tp] for tp in tps}
