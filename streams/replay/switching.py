"""Have another generation served: only while no worker runs, and looked at again once it is done."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from schemas.errors import RefusedError
from schemas.generations import BUILDING_KEY, CURRENT_KEY, Generation
from schemas.topics import EVENTS, GENERATIONS
from streams.admin import Admin
from streams.generations import FIRST, Pointers, pointer, read_pointers
from streams.kafka import aiokafka_config, is_embedded
from streams.settings import Settings
from streams.worker_files import group_of
from streams.writer import AiokafkaWriter, Row

POLL_S = 0.5


class LiveGroup:
    """The group of the workers that serve a generation.

    Args:
        settings: of that generation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = group_of(settings, "clicks")

    def members(self) -> int:
        """Count the workers in it now."""
        with Admin(self._settings) as admin:
            return admin.members(self.name)

    def passed(self, positions: Mapping[int, int]) -> bool:
        """Tell whether its workers have committed more than these next offsets: somebody worked meanwhile and left."""
        with Admin(self._settings) as admin:
            committed = admin.committed(self.name, self._settings.topics[EVENTS])
        return any(offset > positions.get(partition, offset) for partition, offset in committed.items())

    def wait_empty(self, seconds: float, say: Callable[[str], object]) -> None:
        """Wait until every worker has left.

        Raises:
            RefusedError: some are still there.
        """
        until, told = time.monotonic() + seconds, False
        while there := self.members():
            if not told:
                say(f"Stop the workers: {there} at work.")
                told = True
            if time.monotonic() > until:
                raise RefusedError(
                    f"Workers still at work after {seconds:.0f} s: {there}. Stop them, then do the same again."
                )
            time.sleep(POLL_S)


def pointers(settings: Settings) -> Pointers:
    """Read which generation is in force and which is being built.

    Raises:
        RefusedError: the installation has no place for it.
    """
    with Admin(settings) as admin:
        if settings.topics[GENERATIONS] not in admin.topics():
            raise RefusedError(f"There is no topic {settings.topics[GENERATIONS]}: run `aisle topics create`.")
    return _run(read_pointers(aiokafka_config(settings), settings.topics))


def note_building(settings: Settings, name: str | None) -> None:
    """Note that a generation is being built; None: no longer."""
    value = None if name is None else pointer(name, partitions=settings.partitions, previous=None)
    _write(settings, BUILDING_KEY, value)


def switch(settings: Settings, to: Settings, *, positions: Mapping[int, int] | None = None) -> None:
    """Have a generation served from now on.

    Args:
        settings: of the generation in force.
        to: of the other one.
        positions: next offset of each source partition, committed for its workers.

    Raises:
        RefusedError: a worker began in the last moment, also one that left again; nothing has changed.
    """
    live = LiveGroup(settings)
    if positions:
        with Admin(settings) as admin:
            admin.commit(group_of(to, "clicks"), settings.topics[EVENTS], positions)
    before = pointers(settings).current
    after = pointer(to.generation, partitions=to.partitions, previous=settings.generation)
    if to.partitions != settings.partitions:
        after = after.model_copy(update={"grown_from": settings.partitions, "grown_at": after.at})
    elif before is not None:
        after = after.model_copy(update={"grown_from": before.grown_from, "grown_at": before.grown_at})
    _write(settings, CURRENT_KEY, after)
    if live.members() or live.passed(positions or {}):
        _write(settings, CURRENT_KEY, before)
        raise RefusedError(
            f"Workers of generation {settings.generation or FIRST} began in the last moment: stop them and do the same "
            "again."
        )


def _write(settings: Settings, key: bytes, value: Generation | None) -> None:
    async def write() -> None:
        writer = AiokafkaWriter(aiokafka_config(settings))
        await writer.start()
        try:
            row = Row(key, None if value is None else value.encode())
            await writer.write({(settings.topics[GENERATIONS], 0): [row]})
        finally:
            await writer.stop()

    _run(write())


def _run(work: Any) -> Any:
    if is_embedded():
        from streams.brokers.aiokafka import adapt_aiokafka

        adapt_aiokafka()
    return asyncio.run(work)
