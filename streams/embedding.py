"""From a product to its vector: the text that stands for it, and what is made of it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

import numpy as np

from models.ports import Embedder
from models.vectors import unit
from schemas.errors import DecodeError
from schemas.products import Embedding, Product, pack_vector

MAX_TEXT_CHARS = 2000
"""The default model reads 256 word pieces, about 1,200 characters; what is further back changes no vector."""

MAX_ATTRIBUTES = 8
MAX_ATTRIBUTE_CHARS = 40
CHUNK_TEXTS = 256
"""Texts embedded between two reports of progress, and lost at most when the process is killed."""


class VectorStore(Protocol):
    """Vectors kept by text hash; `streams.adapters.vector_cache.VectorCache` is one."""

    def get(self, hashes: Iterable[str]) -> dict[str, np.ndarray]:
        """Find vectors: float32, shape (dim,); absent ones are left out."""

    def put(self, vectors: Mapping[str, np.ndarray]) -> None:
        """Keep vectors."""


def text_of(product: Product) -> str:
    """Say in words what a product is: title, category path, brand, key attributes, description.

    Key attributes are the first eight, by name, whose value is a short text.

    >>> text_of(Product(product_id="1", title="Mug", category=("Home", "Mugs"), attributes={"colour": "blue", "w": 3}))
    'Mug. Home > Mugs. colour: blue'
    """
    attributes = [
        f"{name}: {value}"
        for name, value in sorted(product.attributes.items())
        if isinstance(value, str) and 0 < len(value) <= MAX_ATTRIBUTE_CHARS
    ]
    parts = [
        product.title,
        " > ".join(product.category),
        product.brand or "",
        ", ".join(attributes[:MAX_ATTRIBUTES]),
        product.description or "",
    ]
    return re.sub(r"\s+", " ", ". ".join(part for part in parts if part)).strip()[:MAX_TEXT_CHARS]


def text_hash(text: str, model: str) -> str:
    """Name a text as one model reads it: equal name, equal vector.

    >>> text_hash("Mug", "m") == text_hash("Mug", "m") != text_hash("Mug", "n")
    True
    """
    return blake2b(f"{model}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def wanted_hash(product: Product, model: str) -> str:
    """Name what a product's vector is to be made from: its own vector where it brings one, else its text."""
    return text_hash(text_of(product) if product.vector is None else repr(product.vector), model)


def own_vector(numbers: Sequence[float], dim: int) -> np.ndarray:
    """Give the vector that a product brings along, float32, shape (dim,).

    Raises:
        DecodeError: it cannot be compared with the others.
    """
    vector = np.asarray(numbers, np.float64)
    if len(vector) != dim or not vector.any():
        raise DecodeError("schema", f"Product.vector: {len(vector)} numbers, not {dim} that have a direction")
    return (vector / np.abs(vector).max()).astype(np.float32)  # numbers of any size, without overflow


def embedding_of(product_id: str, vector: np.ndarray, *, model: str, text_hash: str, at: datetime) -> Embedding:
    """Write a vector, shape (dim,), any length, as a record."""
    return Embedding(
        product_id=product_id,
        model=model,
        text_hash=text_hash,
        dim=len(vector),
        vector=pack_vector(unit(vector)),
        embedded_at=at,
    )


def embed_texts(texts: Mapping[str, str], embedder: Embedder, store: VectorStore) -> dict[str, np.ndarray]:
    """Give the vector of each text: what is stored, else embedded once and stored.

    Args:
        texts: text by hash; equal hashes are equal texts.
        embedder: makes what is missing.
        store: where vectors are kept.

    Returns:
        float32, shape (dim,), by hash.
    """
    found = store.get(texts)
    missing = sorted((each for each in texts if each not in found), key=lambda each: len(texts[each]))
    if missing:
        made = embedder.encode([texts[each] for each in missing])
        # Rounded as the store and the topic keep it: a vector is the same record whether it is new or stored.
        fresh = dict(zip(missing, made.astype("<f2").astype(np.float32), strict=True))
        store.put(fresh)
        found.update(fresh)
    return found


def embed_products(
    products: Sequence[Product],
    embedder: Embedder,
    store: VectorStore,
    *,
    at: datetime,
    progress: Callable[[int], object] = lambda _done: None,
) -> list[Embedding]:
    """Embed products in this process, equal texts once.

    Args:
        products: any number.
        embedder: makes the vectors.
        store: where vectors are kept; what it has is not made again.
        at: written into the records.
        progress: told now and then how many products are done since it was told last.

    Returns:
        One record a product, in the products' order.

    Raises:
        DecodeError: a product's own vector does not fit the embedder's.
    """
    hashes = [wanted_hash(product, embedder.name) for product in products]
    order = sorted(range(len(products)), key=lambda n: len(text_of(products[n])))
    made: dict[int, np.ndarray] = {}
    for start in range(0, len(order), CHUNK_TEXTS):
        chunk = order[start : start + CHUNK_TEXTS]
        brought = {n: numbers for n in chunk if (numbers := products[n].vector) is not None}
        own = {n: own_vector(numbers, embedder.dim) for n, numbers in brought.items()}
        texts = {hashes[n]: text_of(products[n]) for n in chunk if n not in own}
        vectors = embed_texts(texts, embedder, store)
        made.update({n: own[n] if n in own else vectors[hashes[n]] for n in chunk})
        progress(len(chunk))
    return [
        embedding_of(product.product_id, made[n], model=embedder.name, text_hash=hashes[n], at=at)
        for n, product in enumerate(products)
    ]
