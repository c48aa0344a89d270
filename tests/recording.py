"""Traffic worth proving: simulated shoppers, a changing catalogue, a judge, and real workers that keep evidence."""

import hashlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from secrets import token_hex

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from models.catalogue import Catalogue
from models.judgements import JudgingRules
from models.kernel import hash63
from models.wording import word
from schemas.judgements import MAX_JUDGED, Judgement, JudgementRequest, JudgementTable, judgement_key
from schemas.products import Embedding, Product, pack_vector
from schemas.slates import Slate
from schemas.topics import EMBEDDINGS, EVENTS, JUDGEMENT_REQUESTS, JUDGEMENTS, PRODUCTS, SLATES, TopicName
from streams.demo.shop import generate_shop
from streams.demo.shoppers import Crowd
from streams.demo.taste import hidden_truth
from tests.installation import PARTITIONS, Installation

DIM = 48
EVIDENCE = {"AISLE_EVIDENCE_SHARE": "1"}

JUDGED = {"OPENAI_BASE_URL": "http://127.0.0.1:9", "AISLE_JUDGEMENT_DEADLINE_MS": "5000"}
"""Workers ask and wait; the recording itself answers, so that nothing listens there."""

CHANGES_PER_S = 8
LATE_S = 0.5


class ByHash:
    """A judge without taste: whatever it is asked for gets a score that follows from key and product."""

    def __init__(self, products: Sequence[Product]) -> None:
        self._catalogue = Catalogue()
        for one in products:
            self._catalogue.put(one)
        self._tables: dict[bytes, dict[str, Judgement]] = {}

    def put(self, product: Product | None, product_id: str) -> None:
        """Hear of a product as it is now, None for one that is gone."""
        if product is None:
            self._catalogue.remove(product_id)
        else:
            self._catalogue.put(product)

    def answer(self, request: JudgementRequest, at: datetime) -> JudgementTable:
        """Judge what is asked for, beside what was judged for the key before."""
        key = judgement_key(request.segment, request.intent)
        known = self._tables.setdefault(key, {})
        for item in request.product_ids:
            offer = self._catalogue.offer_of(item)
            worded = word(offer.speaker) if offer else None
            if worded is not None:
                score = hash63(f"{key.decode()}/{item}") % 101 / 10
                known[item] = Judgement(
                    score=score, text_hash=worded.text_hash, price_band=worded.price_band, judged_at=at
                )
        self._tables[key] = dict(list(known.items())[-MAX_JUDGED:])
        rules = JudgingRules()
        return JudgementTable(
            segment=request.segment, intent=request.intent, model=rules.model, prompt_version=rules.prompt_version,
            scores=self._tables[key],
        )  # fmt: skip


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
        self._judge = ByHash(self._products)
        self._changed_s = self._late_s = 0.0
        self.events = 0
        self.slates = 0
        self.revisions = 0

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
        consumer, asked = self._reader(SLATES, PARTITIONS), self._reader(JUDGEMENT_REQUESTS, 4)
        try:
            while self.slates < slates:
                assert time.monotonic() < until, f"only {self.slates} slates in {seconds:.0f} s"
                self._shop()
                for message in consumer.consume(500, 0.02):
                    self._take(Slate.decode(message.value()))
                for message in asked.consume(50, 0):
                    self._answer(JudgementRequest.decode(message.value()))
                if not happened and self.slates >= slates // 2:
                    happened = True
                    half_way()
        finally:
            consumer.close()
            asked.close()
        self._installation.flush()
        self._installation.wait(lambda: self._installation.committed() == self.events, 120)

    def kill(self, slot: str) -> None:
        """Kill a worker with its boots on; its supervisor starts another."""
        os.kill(self._installation.status(slot)["pid"], signal.SIGKILL)

    def _take(self, slate: Slate) -> None:
        """Show a slate; where slates come late, the whole shop slows down, or a busy machine would never be done."""
        self.slates += 1
        self.revisions += slate.revision
        late_s = time.time() - slate.event_at.timestamp()
        self._late_s += (late_s - self._late_s) / 50
        self._crowd.pace = min(20.0, max(1.0, self._late_s / LATE_S))
        self._crowd.show(slate)

    def _answer(self, request: JudgementRequest) -> None:
        """Write a table for every other request: some slates go on waiting, some are covered later."""
        if self._random.random() < 0.5:
            table = self._judge.answer(request, datetime.now(UTC))
            self._installation.produce(JUDGEMENTS, judgement_key(table.segment, table.intent), table.encode())

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
            self._put(None, key)
        elif what == 1:
            self._put(None, key)
            produce(EMBEDDINGS, key, self._vector(one, salt="again"))
        elif what == 2:
            produce(EMBEDDINGS, key, self._vector(one, salt=token_hex(2)))
        else:
            self._put(one.model_copy(update={"stock": self._random.choice((0, 7, 90))}), key)

    def _put(self, one: Product | None, key: bytes) -> None:
        self._judge.put(one, key.decode())
        self._installation.produce(PRODUCTS, key, None if one is None else one.encode())

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

    def _reader(self, topic: TopicName, partitions: int) -> Consumer:
        installation = self._installation
        options = {"bootstrap.servers": installation.bootstrap, "group.id": token_hex(4), "enable.auto.commit": False}
        consumer = Consumer(options | {"fetch.wait.max.ms": 20})
        consumer.assign([TopicPartition(installation.prefix + topic, p, 0) for p in range(partitions)])
        return consumer
