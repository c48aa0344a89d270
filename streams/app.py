"""Wiring of the worker processes; `python -m streams.app clicks` is what a supervisor starts."""

import argparse
import logging
import logging.config
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.worker import Job
    from streams.writer import Writer


def build_clicks(settings: Settings) -> "Job":
    """Build the clicks worker's job: events in; state, learning and slates out."""
    from models.warm_up import warm_up
    from schemas.topics import EVENTS
    from streams.bootstrap import build_world, clicks_rules, constants_of
    from streams.clicks import ClicksAgent, refused
    from streams.kafka import aiokafka_config
    from streams.snapshot_writer import SnapshotWriter
    from streams.snapshots import load_model, open_store
    from streams.worker import Job

    warm_up()  # compiling takes seconds: before joining, or the watchdog would end the process
    store = open_store(settings)
    model = load_model(store, aiokafka_config(settings), constants_of(settings).model) if store else None
    world = build_world(settings, model=model)
    rules = replace(clicks_rules(settings), asks=settings.llm_on)
    agent = ClicksAgent(world, rules, clock=lambda: datetime.now(UTC))
    logging.getLogger(__name__).info(
        "slates are decided under settings %s, constants of %s",
        world.lineage().settings,
        settings.constants_file or "the defaults",
    )
    _say_whether_judged(settings)
    snapshots = SnapshotWriter(store, world.learning, interval_s=settings.snapshot_interval_s) if store else None
    return Job(
        kind="clicks", topic=EVENTS, agent=agent, folds=world.folds, refuse=refused, snapshots=snapshots,
        knowledge=world.knowledge, reviser=agent.revisions,
    )  # fmt: skip


def _say_whether_judged(settings: Settings) -> None:
    """Say once at the start whether a language model is asked."""
    how = (
        f"judged by {settings.llm_model}: {', '.join(sorted(settings.judged))}"
        if settings.llm_on
        else "not judged by a language model: neither OPENAI_API_KEY nor OPENAI_BASE_URL is set"
    )
    logging.getLogger(__name__).info("slates are %s", how)


def serve(
    build: "Callable[[Settings], Job]",
    arguments: list[str] | None = None,
    *,
    write_through: "Callable[[Writer], Writer] | None" = None,
    write_states_through: "Callable[[Writer], Writer] | None" = None,
) -> None:
    """Run one worker process.

    Args:
        build: makes the job.
        write_through: wraps what writes slates to Kafka.
        write_states_through: wraps what writes states.
        arguments: `--parent PID` (leave when it is gone) and `--accept-gap`; the command line's by default.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int)
    parser.add_argument("--accept-gap", action="store_true")
    options = parser.parse_args(arguments)
    settings = Settings()  # for what is logged and left behind; the generation comes from the broker

    import mode.loop

    mode.loop.use("uvloop")  # before faust is imported
    from streams.admin import check_topics
    from streams.generations import current
    from streams.http import HealthServer, starting
    from streams.kafka import aiokafka_config, is_embedded, partition_of
    from streams.leaving import Leave, die_with_parent
    from streams.telemetry import logging_config
    from streams.worker import Connection, Worker
    from streams.worker_files import files_of
    from streams.writer import AiokafkaWriter

    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    if options.parent:
        die_with_parent(options.parent)
    if is_embedded():
        from streams.brokers.aiokafka import adapt_aiokafka

        adapt_aiokafka()
    files = files_of(settings, "clicks")
    files.mkdir(parents=True, exist_ok=True)
    try:
        server = HealthServer(settings.http_host, settings.http_port, starting("compiling code, loading the model"))
        server.tell_where(files)
        server.start()
        settings = current(settings)
        check_topics(settings)
        job = build(settings)
        connection = Connection(aiokafka_config(settings), is_embedded(), partition_of)
        writer = (write_through or (lambda inner: inner))(AiokafkaWriter(connection.client))
        states = (write_states_through or (lambda inner: inner))(AiokafkaWriter(connection.client))
        worker = Worker(job, settings, connection, writer=writer, state_writer=states, accept_gap=options.accept_gap)
        worker.run(server)
    except Exception as error:  # noqa: BLE001  the supervisor reads the exit code
        Leave(files / "refused")(error)
        os._exit(1)


if __name__ == "__main__":
    serve(build_clicks)
