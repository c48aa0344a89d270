"""The frame of a worker process without Faust: settings, logs, health, signals, and an exit code for its supervisor."""

import argparse
import asyncio
import contextlib
import logging.config
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from streams.health import STALLED_S
from streams.http import HealthServer, Probes
from streams.settings import Settings
from streams.worker_files import Kind, files_of

Coro = Coroutine[Any, Any, None]


def run_process(kind: Kind, work: Callable[[Settings], Coro]) -> None:
    """Run one worker process; its exit code tells the supervisor what to do.

    Args:
        kind: what it is.
        work: works until told to stop.
    """
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
    files = files_of(settings, kind)
    files.mkdir(parents=True, exist_ok=True)
    try:
        check_topics(current(settings))
        asyncio.run(work(settings))
    except Exception as error:  # noqa: BLE001  the supervisor reads the exit code
        Leave(files / "refused")(error)


async def until_signalled(work: Coro) -> None:
    """Work until SIGTERM or SIGINT."""
    running = asyncio.ensure_future(work)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


@contextlib.contextmanager
def healthy(
    settings: Settings,
    kind: Kind,
    *,
    beat: Callable[[], float],
    ready: Callable[[], list[str]],
    progress: Callable[[], dict[str, Any]],
) -> Iterator[None]:
    """Answer for a worker's health meanwhile.

    Args:
        settings: the installation's.
        kind: of the worker.
        beat: when it last went round, monotonic seconds.
        ready: what it still lacks.
        progress: how far it is.
    """

    def alive() -> list[str]:
        still_s = time.monotonic() - beat()
        return [f"nothing was read for {still_s:.0f} s"] if still_s > STALLED_S else []

    server = HealthServer(settings.http_host, settings.http_port, Probes(alive, ready, progress))
    server.tell_where(files_of(settings, kind))
    server.start()
    try:
        yield
    finally:
        server.stop()
