"""At most so many calls at the same time."""

import asyncio
from types import TracebackType

from streams.telemetry import gauge


class Slots:
    """Places for calls in flight; who finds none waits, first come first served.

    Args:
        limit: how many places.
    """

    def __init__(self, limit: int) -> None:
        self._places = asyncio.Semaphore(limit)
        self.in_flight = 0

    async def __aenter__(self) -> None:
        await self._places.acquire()
        self._count(1)

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._places.release()
        self._count(-1)

    def _count(self, change: int) -> None:
        self.in_flight += change
        gauge("llm_in_flight", self.in_flight)
