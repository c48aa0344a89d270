"""Wiring of the judge worker; `python -m streams.judge_app` is what `aisle worker judge` supervises."""

import argparse
import asyncio
import contextlib
import logging.config
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from streams.bootstrap import judging_rules
from streams.http import HealthServer, Probes
from streams.judge import JudgeAgent
from streams.judge_worker import JudgementsWriter, JudgeWorker
from streams.judging.caller import Caller
from streams.judging.kept import KeptTables
from streams.judging.opening import required_caller
from streams.judging.wordings import Wordings
from streams.settings import Settings
from streams.worker_files import files_of, group_of
from streams.world import ProductsFold

STALLED_S = 60.0

PAUSE_SHARE = 0.8
"""Of the session timeout: a worker that stood still for longer may have lost its partitions, and leaves."""


def build(settings: Settings, caller: Caller) -> tuple[JudgeAgent, JudgeWorker]:
    """Build a judge worker.

    Args:
        settings: the installation's.
        caller: asks the language model.

    Raises:
        RefusedError: no broker is set.
    """
    from streams.kafka import aiokafka_config

    client = aiokafka_config(settings)
    words, kept = Wordings(), KeptTables()
    writer = JudgementsWriter(client, settings.topics)
    agent = JudgeAgent(
        caller,
        judging_rules(settings),
        word=words.word,
        kept=kept,
        budget_usd_per_hour=settings.llm_budget_usd_per_hour,
        write=writer,
        clock=lambda: datetime.now(UTC),
    )
    worker = JudgeWorker(
        agent,
        writer,
        products=ProductsFold(words),
        judgements=kept,
        client=client,
        group=group_of(settings, "judge"),
        topics=settings.topics,
        session_timeout_s=settings.session_timeout_s,
        heartbeat_s=settings.heartbeat_s,
        concurrency=settings.llm_concurrency,
    )
    return agent, worker


async def work(settings: Settings) -> None:
    """Judge what is asked for until SIGTERM or SIGINT.

    Args:
        settings: the installation's.

    Raises:
        RefusedError: there is no language model, or no broker is set.
        KafkaError: the broker is away.
    """
    from streams.watchdog import Watchdog

    caller = required_caller(settings)
    try:
        agent, worker = build(settings, caller)
        Watchdog(PAUSE_SHARE * settings.session_timeout_s).start()
        with _health(settings, worker, agent):
            await _until_signalled(worker)
    finally:
        await caller.close()


def progress(worker: JudgeWorker, agent: JudgeAgent) -> dict[str, Any]:
    """Say how far the worker is: keys that wait, partitions it judges for, USD of this hour, and of how many."""
    return {
        "ready": not worker.missing(),
        "waiting": len(agent.queue),
        "partitions": sorted(agent.owned),
        "spent_usd": round(agent.purses.spent, 6),
        "budget_usd": agent.purses.limit,
    }


async def _until_signalled(worker: JudgeWorker) -> None:
    running = asyncio.ensure_future(worker.run())
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


@contextlib.contextmanager
def _health(settings: Settings, worker: JudgeWorker, agent: JudgeAgent) -> Iterator[None]:
    def alive() -> list[str]:
        still_s = time.monotonic() - worker.beat
        return [f"nothing was read for {still_s:.0f} s"] if still_s > STALLED_S else []

    probes = Probes(alive=alive, ready=worker.missing, progress=lambda: progress(worker, agent))
    server = HealthServer(settings.http_host, settings.http_port, probes)
    server.tell_where(files_of(settings, "judge"))
    server.start()
    try:
        yield
    finally:
        server.stop()


def main() -> None:
    """Run one judge worker process; its exit code tells the supervisor what to do."""
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
    files = files_of(settings, "judge")
    files.mkdir(parents=True, exist_ok=True)
    try:
        check_topics(current(settings))
        asyncio.run(work(settings))
    except Exception as error:  # noqa: BLE001  the supervisor reads the exit code
        Leave(files / "refused")(error)


if __name__ == "__main__":
    main()
