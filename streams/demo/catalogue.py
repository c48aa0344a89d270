"""The demo's catalogue with its vectors: generated, embedded once, kept on disk."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime

from schemas.products import Embedding, Product
from streams.embedding import embed_products, embedding_of, wanted_hash
from streams.settings import Settings


def embedded(products: Sequence[Product], settings: Settings, progress: Callable[[int], object]) -> list[Embedding]:
    """Embed products; texts embedded before come from the cache on disk, and then no model is loaded at all.

    Args:
        products: the catalogue.
        settings: names the model and the cache's folder.
        progress: told how many products are done since it was told last.

    Raises:
        RefusedError: the model cannot be loaded, or the cache not be used.
    """
    from streams.adapters.vector_cache import VectorCache

    model, now = settings.embedding_model, datetime.now(UTC)
    with closing(VectorCache(settings.data_dir / "vectors.sqlite")) as cache:
        hashes = [wanted_hash(product, model) for product in products]
        kept = cache.get(hashes)
        if len(kept) < len(set(hashes)):
            from streams.adapters.minilm import SentenceTransformerEmbedder

            return embed_products(products, SentenceTransformerEmbedder(model), cache, at=now, progress=progress)
    progress(len(products))
    return [
        embedding_of(product.product_id, kept[name], model=model, text_hash=name, at=now)
        for product, name in zip(products, hashes, strict=True)
    ]
