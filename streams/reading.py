"""Read whole partitions without a group: to the end they have now, and where they start and end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.flow import LogRecord
from streams.header_names import read_any_header_name

read_any_header_name()


def assigned_consumer(client: Mapping[str, Any], *, group: str | None = None) -> AIOKafkaConsumer:
    """Build a consumer for `assign` and `seek`.

    `earliest`, because with `latest` an assignment starts a jump to the end that can overtake the seek.
    """
    return AIOKafkaConsumer(
        **client,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1 << 22,
        fetch_max_wait_ms=500,
    )


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
                take(tp.partition, [log_record(record) for record in records])
    return {tp.partition: ends[tp] for tp in tps}
