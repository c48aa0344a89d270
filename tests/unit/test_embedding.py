"""From products to vectors, with an embedder that only counts letters."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.vectors import unit
from schemas.errors import DecodeError, RefusedError
from schemas.products import Product
from streams.adapters.vector_cache import VectorCache
from streams.embedding import MAX_TEXT_CHARS, embed_products, embed_texts, text_hash, text_of, wanted_hash

AT = datetime(2026, 5, 1, tzinfo=UTC)


class LetterEmbedder:
    """Embeds a text as how often it has each letter; remembers what it was asked for."""

    name = "letters"
    dim = 26

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.texts.extend(texts)
        counts = [[text.lower().count(chr(97 + letter)) for letter in range(26)] for text in texts]
        return unit(np.array(counts, np.float32).reshape(len(texts), 26))


def test_text_says_what_a_product_is() -> None:
    """Title, category path, brand, short text attributes by name, description; nothing of stock or price."""
    product = Product(
        product_id="1",
        title="Blue  mug",
        category=("Home", "Mugs"),
        brand="Acme",
        attributes={"size": "L", "colour": "blue", "repurchase_days": 30, "fragile": True, "care": "x" * 41, "no": ""},
        description="For\n coffee.",
        price=3,
        stock=9,
    )

    assert text_of(product) == "Blue mug. Home > Mugs. Acme. colour: blue, size: L. For coffee."
    assert text_of(Product(product_id="1", title="Mug")) == "Mug"


def test_text_is_cut_where_no_model_reads() -> None:
    """A long description does not make a long text."""
    assert len(text_of(Product(product_id="1", title="Mug", description="word " * 1600))) == MAX_TEXT_CHARS


def test_price_and_stock_change_no_hash() -> None:
    """Only what the vector is made from counts as a change; the model does too."""
    mug = Product(product_id="1", title="Mug", price=1)

    assert wanted_hash(mug, "m") == wanted_hash(mug.model_copy(update={"price": 2, "stock": 0}), "m")
    assert wanted_hash(mug, "m") != wanted_hash(mug, "n")
    assert wanted_hash(mug, "m") != wanted_hash(mug.model_copy(update={"title": "Cup"}), "m")
    assert wanted_hash(mug, "m") != wanted_hash(mug.model_copy(update={"vector": (1.0,)}), "m")


def test_equal_texts_are_embedded_once() -> None:
    """Products with equal texts share the work, within a call and over calls."""
    embedder, cache = LetterEmbedder(), VectorCache(None)
    products = [Product(product_id=str(n), title=("Mug", "Teapot")[n % 2]) for n in range(600)]
    done: list[int] = []

    records = embed_products(products, embedder, cache, at=AT, progress=done.append)
    again = embed_products(products, embedder, cache, at=AT)

    assert sorted(embedder.texts) == ["Mug", "Teapot"]
    assert again == records
    assert [record.product_id for record in records] == [product.product_id for product in products]
    assert sum(done) == 600
    assert np.allclose(records[0].array(), embedder.encode(["Mug"])[0], atol=1e-3)
    cache.close()


def test_own_vector_wins() -> None:
    """A product that brings its vector is not embedded; a vector that does not fit is refused by name."""
    embedder, cache = LetterEmbedder(), VectorCache(None)
    own = Product(product_id="1", title="Mug", vector=(0.0,) * 25 + (1e300,))

    (record,) = embed_products([own], embedder, cache, at=AT)

    assert embedder.texts == []
    assert record.array().tolist() == [0] * 25 + [1]
    for vector in ((1.0,), (0.0,) * 26):
        with pytest.raises(DecodeError, match=r"Product\.vector"):
            embed_products([own.model_copy(update={"vector": vector})], embedder, cache, at=AT)
    cache.close()


def test_cache_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    """What was put is there for the next process, although the first never closed the file."""
    first = VectorCache(tmp_path / "deep" / "vectors.db")
    embedder = LetterEmbedder()
    texts = {text_hash(text, "letters"): text for text in ("mug", "teapot")}
    made = embed_texts(texts, embedder, first)

    second = VectorCache(tmp_path / "deep" / "vectors.db")
    found = embed_texts(texts, embedder, second)

    assert embedder.texts == ["mug", "teapot"]
    assert all(np.array_equal(found[each], made[each]) for each in texts)
    first.close()
    second.close()


def test_cache_is_bounded() -> None:
    """The oldest vectors go first; many hashes can be asked for at once."""
    cache = VectorCache(None, max_entries=10)
    for n in range(25):
        cache.put({f"h{n}": np.ones(2)})

    assert len(cache) == 10
    assert sorted(cache.get(f"h{n}" for n in range(2000))) == [f"h{n}" for n in range(15, 25)]
    cache.close()


def test_cache_refuses_another_file(tmp_path: Path) -> None:
    """A file that is no cache is left alone and named."""
    (tmp_path / "vectors.db").write_text("not a database, but long enough to look at " * 30)

    with pytest.raises(RefusedError, match=r"vectors\.db cannot be used"):
        VectorCache(tmp_path / "vectors.db")


def test_a_full_disk_costs_the_cache_and_no_vectors(tmp_path: Path) -> None:
    """What cannot be kept is made all the same, and what was kept before is still found."""
    cache, embedder = VectorCache(tmp_path / "vectors.db"), LetterEmbedder()
    first = embed_texts({"h1": "mug"}, embedder, cache)
    pages = cache._db.execute("PRAGMA page_count").fetchone()[0]
    cache._db.execute(f"PRAGMA max_page_count={pages}")

    many = {f"m{n}": f"mug {n}" for n in range(2000)}
    made = embed_texts(many, embedder, cache)

    assert len(made) == 2000
    assert len(cache) == 1
    assert np.array_equal(embed_texts({"h1": "mug"}, embedder, cache)["h1"], first["h1"])
    cache.close()


def test_a_cache_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    """A file that broke while it was open costs time, not the worker."""
    cache = VectorCache(tmp_path / "vectors.db")
    cache.put({"h1": np.ones(2)})
    cache._db.execute("DROP TABLE vectors")
    assert cache.get(["h1"]) == {}
    cache.close()
