"""Wiring of the catalog worker; `python -m streams.catalog_app` is what `aisle worker catalog` supervises."""

import argparse
import asyncio
import contextlib
import logging.config
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from schemas.record import rfc3339
from streams.catalog import CatalogAgent
from streams.catalog_worker import CatalogWorker
from streams.http import HealthServer, Probes
from streams.settings import Settings
from streams.worker_files import files_of, group_of

STALLED_S = 60.0


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
        with _health(settings, worker, agent):
            await _until_signalled(worker)


def progress(worker: CatalogWorker, agent: CatalogAgent) -> dict[str, Any]:
    """Say how far the worker is: products that wait for a vector, vectors there are, and the oldest of them."""
    oldest = agent.oldest()
    return {
        "ready": worker.ready,
        "waiting": agent.waiting(),
        "vectors": len(agent.known),
        "oldest": oldest and rfc3339(oldest),
    }


async def _until_signalled(worker: CatalogWorker) -> None:
    running = asyncio.ensure_future(worker.run())
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


@contextlib.contextmanager
def _health(settings: Settings, worker: CatalogWorker, agent: CatalogAgent) -> Iterator[None]:
    def alive() -> list[str]:
        still_s = time.monotonic() - worker.beat
        return [f"nothing was read for {still_s:.0f} s"] if still_s > STALLED_S else []

    probes = Probes(
        alive=alive,
        ready=lambda: [] if worker.ready else ["catalog.products is not read to its end"],
        progress=lambda: progress(worker, agent),
    )
    server = HealthServer(settings.http_host, settings.http_port, probes)
    server.tell_where(files_of(settings, "catalog"))
    server.start()
    try:
        yield
    finally:
        server.stop()


def main() -> None:
    """Run one catalog worker process; its exit code tells the supervisor what to do."""
    from streams.admin import check_topics
    from streams.generations import current
    from streams.kafka import is_embedded
    from streams.leaving import Leave, die_with_parent
    from streams.telemetry import logging_config

    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int)
    options = parser.parse_args()
    settings = Settings()
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    if options.parent:
        die_with_parent(options.parent)
    if is_embedded():
        from streams.brokers.aiokafka import adapt_aiokafka

        adapt_aiokafka()
    files = files_of(settings, "catalog")
    files.mkdir(parents=True, exist_ok=True)
    try:
        check_topics(current(settings))
        asyncio.run(work(settings))
    except Exception as error:  # noqa: BLE001  the supervisor reads the exit code
        Leave(files / "refused")(error)


if __name__ == "__main__":
    main()
