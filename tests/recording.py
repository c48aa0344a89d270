"""Traffic worth proving: simulated shoppers, a changing catalogue, and real workers that keep evidence."""

import hashlib
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from secrets import token_hex

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from schemas.products import Embedding, Product, pack_vector
from schemas.slates import Slate
from schemas.topics import EMBEDDINGS, EVENTS, PRODUCTS, SLATES
from streams.demo.shop import generate_shop
from streams.demo.shoppers import Crowd
from streams.demo.taste import hidden_truth
from tests.installation import PARTITIONS, Installation

DIM = 48
EVIDENCE = {"AISLE_EVIDENCE_SHARE": "1"}
CHANGES_PER_S = 8
LATE_S = 0.5


class Recording:
    """A shop on an installation whose workers the caller starts.

    Args:
        installation: its topics and workers.
        products: how many the shop sells.
        rate: events per second.
        seed: of the shop and its shoppers.
    """

    def __init__(self, installation: Installation, *, products: int = 600, rate: float = 120, seed: int = 1) -> None:
        self._installation = installation
        self._products = generate_shop(seed, products, at=datetime.now(UTC))
        self._crowd = Crowd(self._products, hidden_truth(self._products, seed), seed=seed, rate=rate)
        self._random = Random(seed)
        self._changed_s = self._late_s = 0.0
        self.events = 0
        self.slates = 0

    def open(self) -> None:
        """Write the catalogue and its vectors."""
        put = self._installation.put
        put(((one.product_id.encode(), one.encode()) for one in self._products), PRODUCTS)
        put(((one.product_id.encode(), self._vector(one)) for one in self._products), EMBEDDINGS)

    def run(self, slates: int, half_way: Callable[[], None], *, seconds: float) -> None:
        """Let shoppers shop until so many slates have come; half way something happens.

        Raises:
            AssertionError: they did not come in time.
        """
        until, happened = time.monotonic() + seconds, False
        consumer = self._slates()
        try:
            while self.slates < slates:
                assert time.monotonic() < until, f"only {self.slates} slates in {seconds:.0f} s"
                self._shop()
                for message in consumer.consume(500, 0.02):
                    self._take(Slate.decode(message.value()))
                if not happened and self.slates >= slates // 2:
                    happened = True
                    half_way()
        finally:
            consumer.close()
        self._installation.flush()
        self._installation.wait(lambda: self._installation.committed() == self.events, 120)

    def kill(self, slot: str) -> None:
        """Kill a worker with its boots on; its supervisor starts another."""
        os.kill(self._installation.status(slot)["pid"], signal.SIGKILL)

    def _take(self, slate: Slate) -> None:
        """Show a slate; where slates come late, the whole shop slows down, or a busy machine would never be done."""
        self.slates += 1
        late_s = time.time() - slate.event_at.timestamp()
        self._late_s += (late_s - self._late_s) / 50
        self._crowd.pace = min(20.0, max(1.0, self._late_s / LATE_S))
        self._crowd.show(slate)

    def _shop(self) -> None:
        for happening in self._crowd.advance(int(time.time() * 1000)):
            event = happening.event
            self._installation.produce(EVENTS, event.visitor_id.encode(), event.encode())
            self.events += 1
        if time.monotonic() - self._changed_s > 1 / CHANGES_PER_S:
            self._changed_s = time.monotonic()
            self._change(self._random.choice(self._products))

    def _change(self, one: Product) -> None:
        """Sell out, take out, put in, or describe anew one product."""
        key, produce = one.product_id.encode(), self._installation.produce
        what = self._random.randrange(8)
        if what == 0:
            produce(EMBEDDINGS, key, None)
            produce(PRODUCTS, key, None)
        elif what == 1:
            produce(PRODUCTS, key, None)
            produce(EMBEDDINGS, key, self._vector(one, salt="again"))
        elif what == 2:
            produce(EMBEDDINGS, key, self._vector(one, salt=token_hex(2)))
        else:
            produce(PRODUCTS, key, one.model_copy(update={"stock": self._random.choice((0, 7, 90))}).encode())

    def _vector(self, one: Product, salt: str = "") -> bytes:
        """Embed by shelf and item; variants are alike."""
        names = [*one.category, f"{one.item}{salt}"]
        seeds = [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) for name in names]
        parts = [np.random.default_rng(seed).standard_normal(DIM, np.float32) for seed in seeds]
        return Embedding(
            product_id=one.product_id,
            model="shelf",
            text_hash=names[-1][:64],
            dim=DIM,
            vector=pack_vector(sum(parts, np.zeros(DIM, np.float32)) / 8),
            embedded_at=one.updated_at or datetime.now(UTC),
        ).encode()

    def _slates(self) -> Consumer:
        installation = self._installation
        options = {"bootstrap.servers": installation.bootstrap, "group.id": token_hex(4), "enable.auto.commit": False}
        consumer = Consumer(options | {"fetch.wait.max.ms": 20})
        consumer.assign([TopicPartition(installation.prefix + SLATES, p, 0) for p in range(PARTITIONS)])
        return consumer
