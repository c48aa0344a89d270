"""Whether the console still reads what the workers serve: another generation may be put in force beside it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka.errors import KafkaError

from schemas.errors import DecodeError
from streams.generations import FIRST, Pointers, read_pointers
from streams.settings import Settings

EVERY_S = 30.0

log = logging.getLogger(__name__)


class InForce:
    """A service that looks now and then which generation is in force.

    The console does not follow a change: what it knows belongs to the generation it began with.

    Args:
        settings: the installation's, of the generation that was in force at the start.
        client: keyword arguments that every aiokafka client takes.
        ask: gives what stands on `generations`; reads it where absent.
    """

    name = "generation"

    def __init__(
        self,
        settings: Settings,
        client: Mapping[str, Any],
        ask: Callable[[], Awaitable[Pointers]] | None = None,
    ) -> None:
        self._began = settings.generation, settings.partitions
        self._ask = ask or (lambda: read_pointers(client, settings.topics))
        self.over = ""

    def lacks(self) -> list[str]:
        """Lack nothing: which generation it is was read at the start."""
        return []

    def stuck(self) -> list[str]:
        """Say which generation is in force now, where it is another one."""
        return [self.over] if self.over else []

    async def run(self) -> None:
        """Look until cancelled; what cannot be read now is read later."""
        while True:
            try:
                self._compare(await self._ask())
            except (KafkaError, OSError, DecodeError) as error:
                log.debug("which generation is in force cannot be read (%s)", type(error).__name__)
            await asyncio.sleep(EVERY_S)

    def _compare(self, pointers: Pointers) -> None:
        name, partitions = self._began
        found = pointers.current
        now = ("", partitions) if found is None else (found.name, found.partitions)
        self.over = "" if now == (name, partitions) else f"generation {now[0] or FIRST} is in force now"
        if self.over:
            self.over += ": start the console again"
