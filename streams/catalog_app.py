"""Wiring of the catalog worker; `python -m streams.catalog_app` is what `aisle worker catalog` supervises."""

import contextlib
from datetime import UTC, datetime
from typing import Any

from schemas.record import rfc3339
from streams.catalog import CatalogAgent
from streams.catalog_worker import CatalogWorker
from streams.settings import Settings
from streams.worker_files import group_of
from streams.worker_process import healthy, run_process, until_signalled


async def work(settings: Settings) -> None:
    """Embed the catalogue until SIGTERM or SIGINT.

    Args:
        settings: the installation's.

    Raises:
        RefusedError: there is no model, no broker is set, or most products are refused.
        KafkaError: the broker is away.
    """
    from streams.adapters.minilm import SentenceTransformerEmbedder
    from streams.adapters.vector_cache import open_cache
    from streams.kafka import aiokafka_config

    client = aiokafka_config(settings)
    embedder = SentenceTransformerEmbedder(settings.embedding_model)
    agent = CatalogAgent(model=embedder.name, dim=lambda: embedder.dim, clock=lambda: datetime.now(UTC))
    with contextlib.closing(open_cache(settings)) as store:
        worker = CatalogWorker(
            agent,
            embedder,
            store,
            client=client,
            group=group_of(settings, "catalog"),
            topics=settings.topics,
            dead_letter_limit=settings.dead_letter_limit,
        )
        with healthy(
            settings,
            "catalog",
            beat=lambda: worker.beat,
            ready=lambda: [] if worker.ready else ["catalog.products is not read to its end"],
            progress=lambda: progress(worker, agent),
        ):
            await until_signalled(worker.run())


def progress(worker: CatalogWorker, agent: CatalogAgent) -> dict[str, Any]:
    """Say how far the worker is: products that wait for a vector, vectors there are, and the oldest of them."""
    oldest = agent.oldest()
    return {
        "ready": worker.ready,
        "waiting": agent.waiting(),
        "vectors": len(agent.known),
        "oldest": oldest and rfc3339(oldest),
    }


def main() -> None:
    """Run one catalog worker process; its exit code tells the supervisor what to do."""
    run_process("catalog", work)


if __name__ == "__main__":
    main()
