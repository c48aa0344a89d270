"""Keeps a follower at the end of its log while the gateway serves, whatever becomes of the broker."""

import asyncio
import logging
from collections.abc import Callable

from aiokafka.errors import KafkaError

from streams.follower import Follower

log = logging.getLogger(__name__)

AGAIN_S = 1.0


class Followed:
    """A service: one log into one fold.

    Args:
        follower: of the fold.
        what: the log's name to people.
        applied: called after each advance.
    """

    def __init__(self, follower: Follower, *, what: str, applied: Callable[[], object] = lambda: None) -> None:
        self.name = what
        self._follower = follower
        self._applied = applied
        self._away = ""
        self._before: object = None

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._apply())

    def lacks(self) -> list[str]:
        """Say whether the log's end at the start was not reached yet, or the log cannot be read."""
        if self._away and self._follower.began_at() is self._before:
            return [f"{self.name}: {self._away}"]
        return [] if self._follower.ready else [f"{self.name}: {self._follower.lag()} records are still read"]

    def stuck(self) -> list[str]:
        """Say what a restart would mend: nothing, a broker that is away is waited for."""
        return []

    async def _read(self) -> None:
        """Read; begin again where the broker was not there."""
        while True:
            try:
                await self._follower.run()
            except (KafkaError, OSError) as error:
                self._away, self._before = f"it cannot be read ({type(error).__name__})", self._follower.began_at()
                log.warning("%s: %s", self.name, self._away)
            await asyncio.sleep(AGAIN_S)

    async def _apply(self) -> None:
        while True:
            await self._follower.news.wait()
            self._follower.advance()
            self._applied()
            await asyncio.sleep(0)
