"""A run without a broker: the engine as a library, event by event."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING

from schemas.products import Product
from schemas.slates import Slate
from streams.runs.display import Watch
from streams.runs.shelf import products_of
from streams.runs.tally import Tally
from streams.settings import Settings
from streams.sources.event_file import EventFile

if TYPE_CHECKING:
    from streams.engine import Engine


def run_in_process(
    file: EventFile, settings: Settings, tally: Tally, *, watch: Watch, taken: Callable[[Slate], object]
) -> Mapping[str, bytes]:
    """Feed a file's products and events to an `Engine`, in lock-step by nature.

    Args:
        file: what to run over.
        settings: as for a worker.
        tally: counts; its latency is the time an event takes.
        watch: told of the stages.
        taken: called with every slate.

    Returns:
        the visitors' contexts as encoded.
    """
    from streams.engine import Engine

    engine = Engine(settings)
    embed(engine, list(products_of(file)), settings, watch)
    watch.stage("events", file.rows)
    for position, event in enumerate(file.events()):
        tally.event(event, partition=0, offset=position)
        started = perf_counter()
        slates = engine.feed(event)
        latency_ms = (perf_counter() - started) * 1000
        for slate in slates:
            products = [item.product_id for item in slate.items]
            tally.slate(slate.placement, products, partition=0, cause=position, latency_ms=latency_ms)
            taken(slate)
        if position % 100 == 0:
            watch.reached(file.taken)
    watch.reached(file.taken)
    tally.dead_letters = len(engine.dead_letters)
    tally.scoring.finish()
    return engine.contexts()


def embed(engine: "Engine", products: Sequence[Product], settings: Settings, watch: Watch) -> None:
    """Give an engine its products and their vectors; texts embedded before come from the cache on disk."""
    from streams.adapters.minilm import SentenceTransformerEmbedder
    from streams.adapters.vector_cache import open_cache
    from streams.embedding import embed_products

    watch.stage("products", len(products))
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        watch.reached(done)

    for product in products:
        engine.put_product(product)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)  # equal runs, equal records
    embedder = SentenceTransformerEmbedder(settings.embedding_model)
    with closing(open_cache(settings)) as cache:
        engine.put_embeddings(embed_products(products, embedder, cache, at=epoch, progress=progress))
