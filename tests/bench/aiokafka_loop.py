"""A bare aiokafka loop: consume, produce the answer, await the broker, commit once a second. No state, no learning."""

import asyncio
import signal
import time
from collections.abc import Sequence
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from job import JobArguments
from tape import Copyist
from telling import tell

from schemas.topics import EVENTS, SLATES

Row = tuple[bytes, bytes]


async def main() -> None:
    """Loop until told to stop."""
    arguments = JobArguments.parse()
    topics, copyist = arguments.topics, Copyist(arguments.answers)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    consumer = AIOKafkaConsumer(
        topics[EVENTS],
        bootstrap_servers=arguments.bootstrap,
        group_id=f"{topics.prefix}aiokafka",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=arguments.bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=900_000,
        max_request_size=8_000_000,
    )
    await consumer.start()
    await producer.start()
    try:
        while not consumer.assignment():  # noqa: ASYNC110  the client has no event for it
            await asyncio.sleep(0.05)
        tell("ready")
        committed = time.monotonic()
        while not stopping.is_set():
            found = await consumer.getmany(timeout_ms=200, max_records=512)
            sent: list[asyncio.Future[Any]] = []
            for at, messages in found.items():
                rows = [
                    (message.key, slate)
                    for message in messages
                    for slate in copyist.slates(message.value, at.partition, message.offset)
                ]
                sent += await _send(producer, topics[SLATES], at.partition, rows)
            await asyncio.gather(*sent)
            if found and time.monotonic() - committed > 1:
                await consumer.commit()
                committed = time.monotonic()
    finally:
        await producer.stop()
        await consumer.stop()


async def _send(producer: Any, topic: str, partition: int, rows: Sequence[Row]) -> list[asyncio.Future[Any]]:
    """Send records in as few batches as they fit into."""
    sent = []
    batch = producer.create_batch()
    for key, value in rows:
        if batch.append(timestamp=None, key=key, value=value) is None:
            batch.close()
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value)
    batch.close()
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    return sent


if __name__ == "__main__":
    uvloop.run(main())
