"""What aiokafka must do differently on the embedded broker."""

import asyncio
from collections.abc import Callable
from typing import Any

FETCH_WAIT_MS = 20
SYNC_DELAY_S = 0.3


def adapt_aiokafka() -> Callable[[], None]:
    """Change aiokafka's consumer for the embedded broker; never call it for a real one.

    - That broker answers a fetch only after its longest wait, even when data has come: wait 20 ms.
    - It refuses a follower that syncs after the group's leader, and aiokafka's member then hangs: the leader waits.

    Returns:
        what undoes it.
    """
    from aiokafka import AIOKafkaConsumer
    from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance

    start = AIOKafkaConsumer.__init__
    lead = CoordinatorGroupRebalance._on_join_leader  # noqa: SLF001

    def init(self: Any, *topics: str, **options: Any) -> None:
        wait = min(options.get("fetch_max_wait_ms", FETCH_WAIT_MS), FETCH_WAIT_MS)
        start(self, *topics, **{**options, "fetch_max_wait_ms": wait})

    async def on_join_leader(self: Any, response: Any) -> Any:
        await asyncio.sleep(SYNC_DELAY_S)
        return await lead(self, response)

    def undo() -> None:
        AIOKafkaConsumer.__init__ = start
        CoordinatorGroupRebalance._on_join_leader = lead  # noqa: SLF001

    AIOKafkaConsumer.__init__ = init
    CoordinatorGroupRebalance._on_join_leader = on_join_leader  # noqa: SLF001
    return undo
