"""Which generation of states and model the workers serve: read at every start, changed only while none of them runs.

Slates, evidence and dead letters keep their topics over a change: the storefront does not notice it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schemas.errors import RefusedError, RetryError, UnfinishedError
from schemas.generations import BUILDING_KEY, CURRENT_KEY, Generation
from schemas.topics import CHANGELOG, DERIVED, GENERATIONS, STATE, Topics
from streams.flow import LogRecord
from streams.settings import Settings

ANSWER_S = 30.0

FIRST = "(first)"
"""What people call the generation whose topics bear no name."""


@dataclass(frozen=True)
class Pointers:
    """The generation in force and the one being built; None where nothing was ever switched, or nothing is built."""

    current: Generation | None = None
    building: Generation | None = None

    @property
    def name(self) -> str:
        """Name the generation in force."""
        return self.current.name if self.current else ""


async def read_pointers(client: Mapping[str, Any], topics: Topics) -> Pointers:
    """Read what stands on `generations`.

    Args:
        client: keyword arguments that every aiokafka client takes.
        topics: names on the broker.

    Raises:
        DecodeError: a newer build wrote there.
    """
    from streams.reading import assigned_consumer, read_to_end

    found: dict[bytes | None, bytes | None] = {}

    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        found.update((record.key, record.value) for record in records)

    consumer = assigned_consumer(client)
    await consumer.start()
    try:
        async with asyncio.timeout(ANSWER_S):
            await read_to_end(consumer, topics[GENERATIONS], {0: 0}, take)
    finally:
        await consumer.stop()
    return pointers_of(found)


def pointers_of(found: Mapping[bytes | None, bytes | None]) -> Pointers:
    """Read the last values of `generations`.

    What is in force is built, also where whoever switched was killed before saying so: building on would write into
    what the workers serve.
    """
    current, building = (
        None if found.get(key) is None else Generation.decode(found[key]) for key in (CURRENT_KEY, BUILDING_KEY)
    )
    done = current is not None and building is not None and building.name == current.name
    return Pointers(current, None if done else building)


async def has_grown(client: Mapping[str, Any], topics: Topics) -> bool:
    """Tell whether visitors have ever moved to other partitions; arguments as of `read_pointers`."""
    if not topics.generation:
        return False
    found = (await read_pointers(client, topics)).current
    return found is not None and found.grown_from is not None


def current(settings: Settings, *, finishing: bool = False) -> Settings:
    """Give the settings with the generation in force, and its partitions.

    Args:
        settings: the installation's.
        finishing: give them also while there are to be more partitions: for what finishes that.

    Raises:
        BrokerAwayError: no broker answers.
        UnfinishedError: topics have, or are about to get, more partitions than the generation in force.
    """
    from streams.admin import Admin
    from streams.kafka import aiokafka_config

    with Admin(settings) as admin:
        if settings.topics[GENERATIONS] not in admin.topics():
            return settings
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:  # the thread's own loop comes later
        pointers = runner.run(read_pointers(aiokafka_config(settings), settings.topics))
    return in_force(settings, pointers, finishing=finishing)


def in_force(settings: Settings, pointers: Pointers, *, finishing: bool = False) -> Settings:
    """Give the same as `current`, from what stands on `generations`."""
    if pointers.current is not None:
        settings = settings.of_generation(pointers.current.name, pointers.current.partitions)
    building = pointers.building
    if building is not None and building.partitions != settings.partitions and not finishing:
        raise UnfinishedError(
            f"A move to {building.partitions} partitions was begun: `aisle repartition --partitions "
            f"{building.partitions}` goes on with it."
        )
    return settings


async def check_generation(client: Mapping[str, Any], settings: Settings) -> None:
    """Look again once the worker is in its group: from here on a change waits for it to leave.

    Raises:
        RetryError: another generation is in force than the one that was read at the start.
    """
    name = (await read_pointers(client, settings.topics)).name
    if name != settings.generation:
        raise RetryError(f"generation {name or FIRST} is in force now, not {settings.generation or FIRST}")


def next_name(taken: Sequence[str]) -> str:
    """Name a new generation.

    >>> next_name(["", "g1", "g3"])
    'g4'
    """
    numbers = [int(name[1:]) for name in taken if name[:1] == "g" and name[1:].isdigit()]
    return f"g{max(numbers, default=0) + 1}"


def generations_in(topics: Topics, there: Sequence[str]) -> list[str]:
    """Name the generations and replays whose states are on the broker.

    >>> generations_in(Topics(prefix="shop."), ["shop.visitors.changelog", "shop.g1.visitors.changelog", "other"])
    ['', 'g1']
    """
    begin, end = topics.prefix, f".{CHANGELOG}"
    named = (
        name.removeprefix(begin).removesuffix(end) for name in there if name.startswith(begin) and name.endswith(end)
    )
    first = [""] if topics.prefix + CHANGELOG in there else []
    return first + sorted(name for name in named if name and "." not in name)


def topics_of(topics: Topics, name: str, there: Sequence[str]) -> list[str]:
    """Give the topics that a generation has for itself; the first one's slates are everybody's.

    >>> topics_of(Topics(), "", ["learning", "recommendations", "g1.learning"])
    ['learning']
    """
    own = DERIVED if name else STATE
    named = Topics(prefix=topics.prefix, partitions=topics.partitions, generation=name, own=own)
    return sorted({named[topic] for topic in own} & set(there))


def pointer(name: str, *, partitions: int, previous: str | None) -> Generation:
    """Write down that a generation is in force, or being built, from now on."""
    return Generation(name=name, partitions=partitions, previous=previous, at=datetime.now(UTC))


def refuse_current(name: str, pointers: Pointers) -> None:
    """Refuse to delete what is served, or what a roll-back returns to by mistake.

    Raises:
        RefusedError: it is the generation in force.
    """
    if name == pointers.name:
        raise RefusedError(f"Generation {name or FIRST} is in force: roll back first, or keep it.")
