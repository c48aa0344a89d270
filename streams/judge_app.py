"""Wiring of the judge worker; `python -m streams.judge_app` is what `aisle worker judge` supervises."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams.bootstrap import judging_rules
from streams.judge import JudgeAgent
from streams.judge_worker import JudgementsWriter, JudgeWorker
from streams.judging.caller import Caller
from streams.judging.kept import KeptTables
from streams.judging.opening import required_caller
from streams.judging.wordings import Wordings
from streams.settings import Settings
from streams.worker_files import group_of
from streams.worker_process import healthy, run_process, until_signalled
from streams.world import ProductsFold

PAUSE_SHARE = 0.8
"""Of the session timeout: a worker that stood still for longer may have lost its partitions, and leaves."""

NICE = 10


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
        with healthy(
            settings,
            "judge",
            beat=lambda: worker.beat,
            ready=worker.missing,
            progress=lambda: progress(worker, agent),
        ):
            await until_signalled(worker.run())
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


def give_way() -> None:
    """Let everything else on the machine go first: a slate that waits for a judge has been served already."""
    os.nice(NICE)
    if os.getsid(0) == os.getpid():  # Linux weighs sessions before it weighs their processes
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))


def main() -> None:
    """Run one judge worker process; its exit code tells the supervisor what to do."""
    give_way()
    run_process("judge", work)


if __name__ == "__main__":
    main()
