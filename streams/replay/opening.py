"""Reach the installation that is replayed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from schemas.topics import EVENTS
from streams.erased import read_erased
from streams.kafka import aiokafka_config, is_embedded
from streams.replay.logs import KafkaLogs
from streams.replay.replaying import Installation
from streams.replay.running import Watch
from streams.settings import Settings
from streams.topic_ids import UNKNOWN, topic_id

Result = TypeVar("Result")


def on(settings: Settings, watch: Watch, act: Callable[[Installation], Coroutine[Any, Any, Result]]) -> Result:
    """Do something with an installation, connected, and disconnect."""

    async def connected() -> Result:
        async with installation(settings, watch) as site:
            return await act(site)

    return asyncio.run(connected())


@asynccontextmanager
async def installation(settings: Settings, watch: Watch) -> AsyncIterator[Installation]:
    """Connect to an installation and read who asked to be forgotten."""
    if is_embedded():
        from streams.brokers.aiokafka import adapt_aiokafka

        adapt_aiokafka()
    client = aiokafka_config(settings)
    ask = None if is_embedded() else partial(_offsets_at, settings)
    async with KafkaLogs(client, ask=ask) as logs:
        erased = await read_erased(client, settings.topics)
        source_id = UNKNOWN if ask is None else await asyncio.to_thread(topic_id, settings, settings.topics[EVENTS])
        yield Installation(settings, logs, client, erased, watch, source_id)


def _offsets_at(settings: Settings, topic: str, at_ms: int) -> dict[int, int]:
    from streams.admin import Admin

    with Admin(settings) as admin:
        return admin.offsets_at(topic, at_ms)
