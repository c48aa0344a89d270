"""A part of a web process that works on its own while requests come and go."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

log = logging.getLogger(__name__)


class Service(Protocol):
    """Works beside the requests: reads a log, or sends to one."""

    name: str

    async def run(self) -> None:
        """Work until cancelled."""

    def lacks(self) -> list[str]:
        """Say what it still lacks to be ready, a reason each."""

    def stuck(self) -> list[str]:
        """Say what it no longer gets on with, a reason each."""


@contextlib.asynccontextmanager
async def running(services: Sequence[Service]) -> AsyncIterator[asyncio.Task[None]]:
    """Let services work meanwhile.

    Gives a task that ends when one of them fails: none of them does so on purpose, so the process is to end too.
    """

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for service in services:
                group.create_task(service.run(), name=service.name)

    task = asyncio.create_task(work(), name="services")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})  # what it failed with is for who watches it
