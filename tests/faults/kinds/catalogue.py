"""The catalog worker away, while the shop goes on selling."""

import os
import subprocess
import sys
from collections.abc import Sequence
from random import Random
from typing import Any

from confluent_kafka import Producer

from schemas.products import Product
from schemas.topics import EMBEDDINGS, PRODUCTS, TopicName
from streams.brokers.child import dying_with_parent
from streams.flow import LogRecord
from tests.faults.fault import Simple
from tests.faults.reader import Reader
from tests.faults.stage import Stage

NEW = 5
CATCHES_UP_WITHIN_S = 60.0


class CatalogueDown(Simple):
    """The catalog worker is killed: slates go on, new products come without vectors, and have them when it is back."""

    name = "catalogue agent down"
    weight = 0.5

    def harm(self, stage: Stage, random: Random) -> None:
        """Kill it, sell new products, and see that slates go on."""
        self._vectors = Vectors()
        self._reader = Reader(stage.bootstrap, stage.topics, [EMBEDDINGS], self._vectors.take)
        self._agent = start(stage)
        self._wait_for(stage, [one.product_id for one in stage.catalogue], "the catalog worker has embedded all")
        self._agent.kill()
        self._agent.wait()
        self._new = [f"new-{random.getrandbits(48):x}" for _ in range(NEW)]
        sell(stage, self._new)
        stage.load.burst(40)
        bar = stage.load.ends()
        stage.wait(lambda: stage.lag.passed(bar), "slates go on without the catalog worker")
        self._reader.read_to_end()
        assert not self._vectors.made.intersection(self._new), "vectors of products that nobody embedded"

    def mend(self, stage: Stage, random: Random) -> None:
        """Start it again, and wait for the vectors of what came meanwhile."""
        self._agent = start(stage)
        try:
            self._wait_for(stage, self._new, "new products have their vectors")
        finally:
            self._agent.kill()
            self._agent.wait()
            self._reader.close()

    def _wait_for(self, stage: Stage, products: Sequence[str], what: str) -> None:
        def done() -> bool:
            self._reader.poll(0.05)
            return self._vectors.made.issuperset(products)

        try:
            stage.wait(done, what, CATCHES_UP_WITHIN_S)
        except BaseException:
            self._agent.kill()
            self._agent.wait()
            raise


class Vectors:
    """Whose vectors were made by the catalog worker: the stage writes its own with no text's hash."""

    def __init__(self) -> None:
        self.made: set[str] = set()

    def take(self, _topic: TopicName, records: Sequence[LogRecord]) -> None:
        """Take note of vectors."""
        self.made.update((one.key or b"").decode() for one in records if b'"text_hash":"0"' not in (one.value or b""))


def start(stage: Stage) -> "subprocess.Popen[bytes]":
    """Start a catalog worker."""
    environment = next(iter(stage.slots.values())).environment | {"AISLE_DATA_DIR": str(stage.folder / "catalogue")}
    with (stage.folder / "catalog.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.catalog_worker"],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=dying_with_parent(),  # noqa: PLW1509  one call into the kernel
        )


def sell(stage: Stage, products: Sequence[str]) -> None:
    """Put new products into the catalogue."""
    producer: Any = Producer({"bootstrap.servers": stage.bootstrap, "partitioner": "murmur2_random", "acks": "all"})
    for product_id in products:
        product = Product(product_id=product_id, title=f"New {product_id}", category=("new",))
        producer.produce(stage.topics[PRODUCTS], product.encode(), product_id.encode())
    assert not producer.flush(20), "the broker does not take new products"
