"""Handing over a catalogue whose vectors are more than the embedded broker keeps."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pytest

from schemas.errors import RefusedError
from schemas.products import Product
from schemas.topics import EMBEDDINGS, Topics
from streams.adapters.vector_cache import VectorCache
from streams.brokers import Broker
from streams.catalog import CatalogAgent
from streams.catalog_worker import CatalogWorker
from streams.flow import LogRecord
from streams.follower import Follower
from streams.kafka import KIND_VARIABLE, aiokafka_config, confluent_config
from streams.runs.feeding import feed
from streams.sources.importing import import_products
from streams.sources.writer import Writer

DIM = 3000
PRODUCTS = 1500
LATE_S = 3.0


class WideEmbedder:
    """Gives vectors of 8 KB as they are written: 640 of them are all that the broker keeps."""

    name = "wide"
    dim = DIM

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.ones((len(texts), DIM), np.float32)


class Vectors:
    """Counts vectors."""

    topic = EMBEDDINGS

    def __init__(self) -> None:
        self.count = 0

    def apply(self, _record: LogRecord) -> None:
        self.count += 1

    def positions(self) -> dict[int, int]:
        return {}


class Shop:
    """A catalog worker, and somebody who follows its vectors and comes late."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self.topics = Topics(prefix=prefix)
        self.settings = broker.settings
        broker.create_topics(self.topics)
        self.client = aiokafka_config(broker.settings)
        self.fold = Vectors()
        self.products = [Product(product_id=f"p{n}", title=f"Mug {n}") for n in range(PRODUCTS)]

    async def open(self, hand_over: threading.Thread) -> None:
        """Let both work until everything is handed over.

        Raises:
            RefusedError: the broker dropped vectors before they were read.
        """
        agent = CatalogAgent(model="wide", dim=lambda: DIM, clock=lambda: datetime.now(UTC))
        with closing(VectorCache(None)) as store:
            worker = CatalogWorker(
                agent, WideEmbedder(), store, client=self.client, group=self.topics.prefix, topics=self.topics
            )
            tasks = [asyncio.create_task(work) for work in (worker.run(), self._follow())]
            hand_over.start()
            try:
                while hand_over.is_alive() or self.fold.count < PRODUCTS:
                    await asyncio.wait(tasks, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
                    for task in tasks:
                        if task.done():
                            task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self) -> None:
        await asyncio.sleep(LATE_S)
        follower = Follower(self.fold, client=self.client, topics=self.topics, strict=True)
        reading = asyncio.create_task(follower.run())
        try:
            while not reading.done():
                follower.advance()
                await asyncio.sleep(0.01)
            reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.slow
def test_a_reader_that_comes_late_misses_nothing(embedded_broker: Broker) -> None:
    """Products are held back until their vectors are read."""
    shop = Shop(embedded_broker, "feeding.")

    def hand_over() -> None:
        with closing(Writer(confluent_config(shop.settings), shop.topics)) as writer:

            def applied() -> int:
                writer.poll(0.02)
                return shop.fold.count

            feed(shop.products, writer, applied)

    asyncio.run(asyncio.wait_for(shop.open(threading.Thread(target=hand_over, daemon=True)), 60))
    assert shop.fold.count == PRODUCTS


@pytest.mark.slow
def test_poured_out_they_are_dropped_and_the_reader_says_so(
    embedded_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the test above would not show if the broker kept everything; the sentence names the way out."""
    monkeypatch.setenv(KIND_VARIABLE, "embedded")
    shop = Shop(embedded_broker, "pouring.")

    def hand_over() -> None:
        with closing(Writer(confluent_config(shop.settings), shop.topics)) as writer:
            import_products(shop.products, writer)

    with pytest.raises(RefusedError, match=r"records are gone; .* 5 MB .* --broker maven"):
        asyncio.run(asyncio.wait_for(shop.open(threading.Thread(target=hand_over, daemon=True)), 60))
