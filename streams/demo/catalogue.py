"""The vectors of the demo's catalogue: made once, before the shop opens, and kept on disk."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime

from schemas.products import Product
from streams.embedding import embed_products
from streams.settings import Settings


def embed_ahead(products: Sequence[Product], settings: Settings, progress: Callable[[int], object]) -> None:
    """Embed what the cache on disk does not have, so that the catalog worker finds every vector there.

    Args:
        products: the catalogue.
        settings: names the model and the cache's folder.
        progress: told how many products are done since it was told last.

    Raises:
        RefusedError: the model cannot be loaded, or the cache not be used.
    """
    from streams.adapters.minilm import SentenceTransformerEmbedder
    from streams.adapters.vector_cache import open_cache

    embedder = SentenceTransformerEmbedder(settings.embedding_model)
    with closing(open_cache(settings)) as cache:
        embed_products(products, embedder, cache, at=datetime.now(UTC), progress=progress)
