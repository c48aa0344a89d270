"""Write a batch's records to given partitions: few requests, in order, acknowledged, nothing after a failure."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

MAX_BATCH_BYTES = 900_000
"""Under Kafka's default `message.max.bytes` of 1 MiB; one record may exceed it alone."""


class Row(NamedTuple):
    """One record to write; its time is now, or what `timestamp_ms` says."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int | None = None


Rows = Mapping[tuple[str, int], Sequence[Row]]
"""By topic on the broker and partition, each in order."""


class Writer(Protocol):
    """An idempotent producer that waits for all replicas."""

    async def start(self) -> None:
        """Connect."""

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write everything and wait until the broker has it.

        Returns:
            by topic and partition: one after the offset of the last record written.

        Raises:
            Exception: something was not written; nothing may be written after it.
        """

    async def stop(self) -> None:
        """Disconnect."""


class AiokafkaWriter:
    """Write through aiokafka: one closed record batch a partition, all of a broker's in one request.

    Args:
        client: keyword arguments that every aiokafka client takes.
    """

    def __init__(self, client: Mapping[str, Any]) -> None:
        self._client = client
        self._producer: Any = None
        self._failed: BaseException | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Connect."""
        from aiokafka import AIOKafkaProducer

        self._producer = AIOKafkaProducer(
            **self._client,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=8_000_000,
            request_timeout_ms=60_000,
        )
        await self._producer.start()

    async def write(self, rows: Rows) -> dict[tuple[str, int], int]:
        """Write everything and wait until the broker has it; what is handed over first stands first in its log."""
        try:
            async with self._turn:
                self._check()
                sent = {to: await self._send(*to, some) for to, some in rows.items() if some}
            return {to: await _end(futures) for to, futures in sent.items()}
        except BaseException as error:
            self._failed = error
            raise

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def _send(self, topic: str, partition: int, rows: Sequence[Row]) -> list[tuple[asyncio.Future[Any], int]]:
        sent = []
        batch = self._producer.create_batch()
        for row in rows:
            if not _append(batch, row):
                sent.append(await self._submit(batch, topic, partition))
                batch = self._producer.create_batch()
                _append(batch, row)
        sent.append(await self._submit(batch, topic, partition))
        return sent

    async def _submit(self, batch: Any, topic: str, partition: int) -> tuple[asyncio.Future[Any], int]:
        batch.close()
        return await self._producer.send_batch(batch, topic, partition=partition), batch.record_count()


def _append(batch: Any, row: Row) -> bool:
    taken = batch.append(timestamp=row.timestamp_ms, key=row.key, value=row.value, headers=list(row.headers))
    return taken is not None


async def _end(sent: Sequence[tuple[asyncio.Future[Any], int]]) -> int:
    acks = await asyncio.gather(*(future for future, _ in sent))
    return int(acks[-1].offset) + sent[-1][1]
