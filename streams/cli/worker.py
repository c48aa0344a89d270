"""`aisle worker`: the processes that do the work, each under its own supervisor."""

import logging.config
import sys
from contextlib import suppress
from typing import Annotated

import typer

from schemas.errors import RetryError
from streams.worker_files import Kind

app = typer.Typer(
    help="Run a worker. It starts again by itself, also while the broker is away; SIGTERM or Ctrl-C ends it cleanly.",
    no_args_is_help=True,
)


@app.command()
def clicks(
    accept_gap: Annotated[
        bool, typer.Option("--accept-gap", help="Go on where events or state are missing, losing what lies between.")
    ] = False,
) -> None:
    """Turn clickstream events into sessions, learning and slates."""
    _supervise("clicks", "streams.app", accept_gap=accept_gap)


@app.command()
def catalog() -> None:
    """Embed the catalogue's texts; needs sentence-transformers (the extra `embed`)."""
    _supervise("catalog", "streams.catalog_app")


@app.command()
def judge() -> None:
    """Ask the language model for what slates lack; needs a key or an endpoint (OPENAI_API_KEY, OPENAI_BASE_URL)."""
    from streams.judging.opening import required_caller
    from streams.settings import Settings

    required_caller(Settings())  # refuse here rather than in a process that stays to say so
    _supervise("judge", "streams.judge_app")


def _supervise(kind: Kind, module: str, *, accept_gap: bool = False) -> None:
    from streams.admin import check_topics
    from streams.generations import current
    from streams.http import check_port
    from streams.kafka import bootstrap_servers
    from streams.settings import Settings
    from streams.supervisor import Supervisor
    from streams.telemetry import logging_config
    from streams.worker_files import files_of

    settings = Settings()
    bootstrap_servers(settings)
    check_port(settings.http_host, settings.http_port)
    with suppress(RetryError):  # it may come later: the worker tries again
        check_topics(current(settings))
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    command = [sys.executable, "-m", module]
    raise typer.Exit(Supervisor(command, files_of(settings, kind), settings, accept_gap=accept_gap).run())
