"""The catalog worker on the embedded broker: what a shop writes comes out as vectors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer
from prometheus_client import REGISTRY

from schemas.errors import RefusedError
from schemas.products import Embedding, Product
from schemas.topics import EMBEDDINGS, PRODUCTS, PRODUCTS_DEAD, Topics
from streams.adapters.vector_cache import VectorCache
from streams.brokers import open_broker
from streams.catalog import CatalogAgent
from streams.catalog_worker import CatalogWorker
from streams.flow import LogRecord
from streams.kafka import aiokafka_config, partition_of
from streams.reading import assigned_consumer, read_to_end
from streams.settings import Settings
from streams.writer import AiokafkaWriter, Row

TOPICS = Topics(prefix="catalogtest.")


class LengthEmbedder:
    """Embeds a text as its length and one."""

    name = "length"
    dim = 2

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), 1] for text in texts], np.float32) / 1000


@dataclass
class Site:
    """A shop's topics, and workers that come and go."""

    client: dict[str, Any]
    store: VectorCache = field(default_factory=lambda: VectorCache(None))

    async def put(self, *products: Product, raw: Sequence[tuple[bytes, bytes | None]] = ()) -> None:
        rows: dict[tuple[str, int], list[Row]] = {}
        for key, value in [(each.product_id.encode(), each.encode()) for each in products] + list(raw):
            rows.setdefault((TOPICS[PRODUCTS], partition_of(key, 4)), []).append(Row(key, value))
        writer = AiokafkaWriter(self.client)
        await writer.start()
        await writer.write(rows)
        await writer.stop()

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[asyncio.Task[None]]:
        agent = CatalogAgent(model="length", dim=lambda: 2, clock=lambda: datetime.now(UTC))
        worker = CatalogWorker(
            agent, LengthEmbedder(), self.store, client=self.client, group="catalogtest", topics=TOPICS
        )
        task = asyncio.create_task(worker.run())
        yield task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def written(self, topic: Any, partitions: int) -> list[LogRecord]:
        consumer: AIOKafkaConsumer = assigned_consumer(self.client)
        await consumer.start()
        found: list[LogRecord] = []
        await read_to_end(
            consumer, TOPICS[topic], dict.fromkeys(range(partitions), 0), lambda _, new: found.extend(new)
        )
        await consumer.stop()
        return found

    async def vectors(self) -> dict[str, bytes | None]:
        return {(record.key or b"").decode(): record.value for record in await self.written(EMBEDDINGS, 1)}

    async def until(self, satisfied: Callable[[dict[str, bytes | None]], bool]) -> dict[str, bytes | None]:
        async with asyncio.timeout(60):
            while not satisfied(found := await self.vectors()):  # noqa: ASYNC110  the news is on the broker
                await asyncio.sleep(0.1)
        return found


@pytest.fixture
def site() -> Iterator[Site]:
    """An embedded broker with the topics of an installation."""
    with open_broker("embedded", Settings()) as broker:
        broker.create_topics(TOPICS)
        yield Site(aiokafka_config(broker.settings))


def test_the_catalogue_becomes_vectors(site: Site) -> None:
    """Products come out with their vectors; a restart adds nothing but what changed, and dead letters once."""

    async def story() -> None:
        products = [Product(product_id=f"p{n}", title=f"Mug {n:03}") for n in range(100)]
        await site.put(*products, raw=[(b"bad", b"nonsense")])
        async with site.worker():
            first = await site.until(lambda found: len(found) == 100)
            await asyncio.sleep(1.5)  # one commit
        assert Embedding.decode(first["p7"]).array().argmax() == 0

        await site.put(Product(product_id="p7", title="Teapot"), raw=[(b"p8", None)])
        async with site.worker():
            await site.until(lambda found: found["p8"] is None and found["p7"] != first["p7"])
        assert (REGISTRY.get_sample_value("aisle_oldest_vector_age_seconds") or 0) > 1

        assert len(await site.written(EMBEDDINGS, 1)) == 102
        (dead,) = await site.written(PRODUCTS_DEAD, 4)
        assert dead.key == b"bad"

    asyncio.run(story())


def test_a_catalogue_of_nonsense_stops_the_worker(site: Site) -> None:
    """When most of what arrives is refused, the worker says so and goes no further."""

    async def story() -> None:
        await site.put(raw=[(b"bad%d" % n, b"nonsense") for n in range(2500)])
        async with site.worker() as task:
            with pytest.raises(RefusedError, match="AISLE_DEAD_LETTER_LIMIT"):
                await asyncio.wait_for(task, 60)

    asyncio.run(story())


def test_a_product_whose_record_was_dropped_keeps_its_vector(site: Site) -> None:
    """The embedded broker cuts logs: what is on no record any more may be for sale all the same."""

    async def story() -> None:
        lost = Product(product_id="lost", title="Mug")
        await site.put(lost)
        async with site.worker():
            await site.until(lambda found: "lost" in found)
        place = partition_of(b"lost", 4)
        key = next(key for key in (b"bad%d" % n for n in range(99)) if partition_of(key, 4) == place)
        await site.put(raw=[(key, b"x" * 60_000)] * 100)
        assert "lost" not in {(record.key or b"").decode() for record in await site.written(PRODUCTS, 4)}

        await site.put(Product(product_id="new", title="Teapot"))
        async with site.worker() as task:
            await site.until(lambda found: "new" in found)
            await asyncio.sleep(1)  # vectors without a product go when all was read
            assert not task.done()
        assert (await site.vectors())["lost"] is not None

    asyncio.run(story())
