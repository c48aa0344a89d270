"""Whether the console still reads what the workers serve."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.generations import Generation
from streams.console import in_force
from streams.console.in_force import InForce
from streams.generations import Pointers
from streams.settings import Settings

NOTHING = Pointers()


def generation(name: str, partitions: int = 8) -> Pointers:
    """Put a generation in force."""
    at = datetime(2026, 5, 1, tzinfo=UTC)
    return Pointers(Generation(name=name, partitions=partitions, previous=None, at=at))


def looked(settings: Settings, answers: Sequence[Pointers | Exception]) -> list[str]:
    """Look as often as there are answers; gives what is said then."""

    async def run() -> list[str]:
        left, done = list(answers), asyncio.Event()

        async def ask() -> Pointers:
            if not left:
                done.set()
                await asyncio.Event().wait()
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        service = InForce(settings, {}, ask)
        task = asyncio.create_task(service.run())
        await asyncio.wait_for(done.wait(), 5)
        task.cancel()
        await asyncio.wait({task})
        return service.stuck()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("began", "answers", "said"),
    [
        ("", [NOTHING], []),
        ("g1", [generation("g1")], []),
        ("", [generation("g1")], ["generation g1 is in force now: start the console again"]),
        ("g1", [generation("g1", 16)], ["generation g1 is in force now: start the console again"]),
        ("g1", [generation("")], ["generation (first) is in force now: start the console again"]),
        ("g1", [KafkaConnectionError(), generation("g2")], ["generation g2 is in force now: start the console again"]),
        ("g1", [generation("g2"), generation("g1")], []),
    ],
)
def test_a_change_of_generation_is_noticed(
    monkeypatch: pytest.MonkeyPatch, began: str, answers: Sequence[Pointers | Exception], said: list[str]
) -> None:
    """By its name and its partitions; a broker that is away says nothing about it, and a roll-back is fine."""
    monkeypatch.setattr(in_force, "EVERY_S", 0)
    settings = Settings(_env_file=None, partitions=8)
    assert looked(settings.of_generation(began, 8) if began else settings, answers) == said
