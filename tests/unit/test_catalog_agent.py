"""The catalog agent: what is embedded, in which order, and what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from prometheus_client import REGISTRY

from schemas.dead import DeadLetter
from schemas.products import Embedding, Product, pack_vector
from schemas.topics import EMBEDDINGS, PRODUCTS_DEAD
from streams.catalog import CatalogAgent
from streams.embedding_queue import BATCH_TEXTS, FRESH_JOBS
from streams.flow import LogRecord, Out

AT = datetime(2026, 5, 1, tzinfo=UTC)
DIM = 3
IMPORT = (("origin", b"import"),)


class Shop:
    """An agent with its two logs: what it writes comes back to it, as from the broker."""

    def __init__(self, model: str = "m") -> None:
        self.agent = CatalogAgent(model=model, dim=lambda: DIM, clock=lambda: AT)
        self.offset = 0
        self.embedded: list[str] = []

    def put(self, product_id: str, title: str = "Mug", headers: Any = (), **fields: Any) -> list[Out]:
        product = Product(product_id=product_id, title=title, **fields)
        return self.raw(product_id.encode(), product.encode(), headers)

    def raw(self, key: bytes | None, value: bytes | None, headers: Any = (), dead_from: int = 0) -> list[Out]:
        record = LogRecord(1, self.offset, 1_000, key, value, headers)
        self.offset += 1
        return self._written(self.agent.handle([record], dead_from=dead_from).outputs)

    def work(self) -> list[Out]:
        batch = self.agent.next_batch()
        self.embedded += [job.product_id for job in batch]
        vectors = {job.text_hash: np.full(DIM, 2, np.float32) for job in batch}
        return self._written(self.agent.finish(batch, vectors))

    def _written(self, outputs: list[Out]) -> list[Out]:
        for n, out in enumerate(outputs):
            if out.topic == EMBEDDINGS:
                self.agent.follow(LogRecord(out.partition, n, 1_000, out.key, out.value))
        return outputs


@pytest.fixture
def shop() -> Shop:
    """An agent that has seen nothing."""
    return Shop()


def test_a_new_product_gets_its_vector(shop: Shop) -> None:
    """The record says what the vector was made from, and when."""
    assert shop.put("a") == []
    (out,) = shop.work()

    record = Embedding.decode(out.value)
    assert (out.topic, out.partition, out.key, out.source_offset) == (EMBEDDINGS, 0, b"a", 0)
    assert (record.product_id, record.model, record.dim, record.embedded_at) == ("a", "m", DIM, AT)
    assert np.allclose(record.array(), 3**-0.5, atol=1e-3)
    assert shop.work() == []
    assert shop.agent.waiting() == 0


def test_unchanged_text_is_no_work(shop: Shop) -> None:
    """A new price or stock embeds nothing; a new title does; a new model does it all again."""
    shop.put("a", price=1)
    (out,) = shop.work()
    shop.put("a", price=2, stock=0)
    assert shop.work() == []
    shop.put("a", title="Cup")
    assert len(shop.work()) == 1

    other = Shop(model="n")
    other.agent.follow(LogRecord(0, 0, 1_000, out.key, out.value))
    other.put("a", price=1)
    assert [Embedding.decode(made.value).model for made in other.work()] == ["n"]


def test_own_vector_needs_no_embedder(shop: Shop) -> None:
    """A product's own vector is written at once, and cancels the text that waits."""
    shop.put("a")
    (out,) = shop.put("a", vector=(0.0, 5.0, 0.0))

    assert Embedding.decode(out.value).array().tolist() == [0, 1, 0]
    assert shop.work() == []
    assert shop.put("a", vector=(0.0, 5.0, 0.0), price=3) == []


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"a", b"nonsense", "not_json"),
        (b"a", b'{"product_id":"a"}', "schema"),
        (b"b", b'{"product_id":"a","title":"Mug"}', "schema"),
        (None, b'{"product_id":"a","title":"Mug"}', "schema"),
        (b"a", b'{"product_id":"a","title":"Mug","vector":[1.0]}', "schema"),
        (b"a", b'{"product_id":"a","title":"Mug","schema_version":"9.0"}', "unknown_version"),
        (b"a", b'{"product_id":"a","title":"' + b"x" * 70_000 + b'"}', "too_large"),
    ],
)
def test_a_bad_record_is_a_dead_letter(shop: Shop, key: bytes | None, value: bytes, reason: str) -> None:
    """What cannot be used goes aside with its reason, its place and its bytes; nothing is embedded."""
    (out,) = shop.raw(key, value, (("origin", b"\xff"),))

    letter = DeadLetter.decode(out.value)
    assert (out.topic, out.partition, out.key) == (PRODUCTS_DEAD, 1, key)
    assert (letter.reason, letter.source.partition, letter.source.offset) == (reason, 1, 0)
    assert letter.original() == value
    assert shop.work() == []


def test_a_dead_letter_is_never_too_large_itself(shop: Shop) -> None:
    """However large record, key and headers are, the broker takes it."""
    headers = tuple((f"{n:02}-" * 5000, b"\x01" * 5000) for n in range(60))
    (out,) = shop.raw(b"k" * 100_000, b"x" * 900_000, headers)
    letter = DeadLetter.decode(out.value)
    assert len(out.value or b"") < 1_000_000
    assert (letter.value_bytes, len(letter.headers)) == (900_000, 16)


def test_dead_letters_are_written_once(shop: Shop) -> None:
    """A restart reads the topic from its start, but what was committed is dead already."""
    assert len(shop.raw(b"a", b"bad", dead_from=0)) == 1
    assert shop.raw(b"a", b"bad", dead_from=2) == []


def test_a_bad_record_leaves_the_product_as_it_was(shop: Shop) -> None:
    """The vector of the last good record stays."""
    shop.put("a")
    shop.work()
    shop.raw(b"a", b"bad")

    assert shop.agent.orphans() == []
    assert "a" in shop.agent.known


def test_a_tombstone_takes_the_vector_away(shop: Shop) -> None:
    """A product that is gone loses its vector, waiting or written; one never seen costs nothing."""
    shop.put("a")
    shop.work()
    shop.put("b")

    assert [(out.key, out.value) for out in shop.raw(b"a", None)] == [(b"a", None)]
    assert [(out.key, out.value) for out in shop.raw(b"b", None)] == [(b"b", None)]
    assert shop.raw(b"c", None) == []
    assert shop.raw(None, None) == []
    assert shop.work() == []
    assert shop.agent.known == {}


def test_what_changes_while_it_is_embedded_is_not_written(shop: Shop) -> None:
    """A vector of yesterday's text, or of a product that is gone, is dropped; the newer text comes next."""
    shop.put("a")
    shop.put("b")
    batch = shop.agent.next_batch()
    shop.put("a", title="Cup")
    shop.raw(b"b", None)

    assert shop.agent.finish(batch, {job.text_hash: np.ones(DIM, np.float32) for job in batch}) == []
    assert [out.key for out in shop.work()] == [b"a"]


def test_equal_texts_are_one_hash(shop: Shop) -> None:
    """Two products of one text ask for one vector."""
    shop.put("a")
    shop.put("b")

    assert len({job.text_hash for job in shop.agent.next_batch()}) == 1


def test_a_single_change_overtakes_a_bulk_load(shop: Shop) -> None:
    """During a load of 1,000 products, marked or not, a new one is in the very next batch."""
    for headers, prefix in ((IMPORT, "marked"), ((), "unmarked")):
        for n in range(1000):
            shop.put(f"{prefix}{n}", title=f"Mug {prefix} {n}", headers=headers)
    for _ in range(FRESH_JOBS // BATCH_TEXTS):
        shop.work()
    assert shop.agent.waiting() == 2000 - FRESH_JOBS
    before = len(shop.embedded)

    shop.put("new", title="New")
    shop.put("marked7", title="Changed")
    shop.work()

    assert shop.embedded[before:] == ["new", "marked7"]
    while shop.work():
        pass
    assert sorted(shop.embedded) == sorted([f"{p}{n}" for p in ("marked", "unmarked") for n in range(1000)] + ["new"])


def test_bulk_is_embedded_by_length(shop: Shop) -> None:
    """Texts of one batch have about one length: short ones do not wait for the longest."""
    for n in range(200):
        shop.put(str(n), title="x" * (1 + n * 37 % 200), headers=IMPORT)
    lengths = []
    while batch := shop.agent.next_batch():
        lengths += [len(job.text) for job in batch]
        shop.agent.finish(batch, {job.text_hash: np.ones(DIM, np.float32) for job in batch})

    assert lengths == sorted(lengths)


def test_a_partition_that_moved_away_is_not_worked_on(shop: Shop) -> None:
    """Its new owner embeds what waits."""
    shop.put("a")
    shop.agent.forget(1)

    assert shop.work() == []


def test_the_oldest_vector_has_an_age(shop: Shop) -> None:
    """In seconds; the newer ones do not make it younger, and without any it is 0."""
    assert shop.agent.oldest_age_s() == 0
    vector = Embedding(
        product_id="old", model="m", text_hash="h", dim=DIM, vector=pack_vector(np.ones(DIM)),
        embedded_at=AT - timedelta(hours=2),
    )  # fmt: skip
    shop.agent.follow(LogRecord(0, 0, 1_000, b"old", vector.encode()))
    shop.put("new")
    shop.work()

    assert shop.agent.oldest_age_s() == 7200


def test_dead_letters_are_counted_by_their_reason(shop: Shop) -> None:
    """As those of events are; what is written already is not counted again."""

    def counted() -> float:
        return REGISTRY.get_sample_value("aisle_dead_letters_total", {"reason": "too_large"}) or 0.0

    before = counted()
    shop.raw(b"a", b"x" * 70_000)
    shop.raw(b"a", b"x" * 70_000, dead_from=9)
    assert counted() - before == 1


def test_vectors_without_a_product_are_taken_away(shop: Shop) -> None:
    """A product whose tombstone was compacted away still loses its vector."""
    shop.put("a")
    (gone,) = shop.work()
    other = Shop()
    other.agent.follow(LogRecord(0, 0, 1_000, gone.key, gone.value))
    other.agent.follow(LogRecord(0, 1, 1_000, b"broken", b"not a record"))

    assert [(out.key, out.value) for out in other.agent.orphans()] == [(b"a", None)]
