"""What can go wrong on demand in a worker of either engine: files in a folder, which the harness makes and removes."""

import asyncio
import os
from pathlib import Path
from typing import Any

FOLDER = "AISLE_STOCK_SWITCHES"
SLOW_S = 1.0


class Switches:
    """The folder of switches.

    Args:
        folder: it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_environment(cls) -> "Switches":
        """Open the folder that the harness named."""
        return cls(Path(os.environ[FOLDER]))

    def on(self, name: str) -> None:
        """Let it go wrong from now on."""
        (self._folder / name).touch()

    def off(self, name: str) -> None:
        """Let it be well again."""
        (self._folder / name).unlink(missing_ok=True)

    def check(self, event: dict[str, Any]) -> None:
        """Fail as a handler does: on one record always, on any while a service it asks is away."""
        if event.get("trap"):
            raise KeyError("a record that the handler was not written for")
        if (self._folder / "away").exists():
            raise ConnectionError("the service that the handler asks is away")

    def slow_produce(self) -> None:
        """Hold every produce request of this process back while the switch `slow` is on.

        Both engines produce by aiokafka, so this is the same delay in the same place: as if the leader's disk were
        slow. Fetches, heartbeats and commits pass, as they do on another node of a larger cluster.
        """
        from aiokafka.client import AIOKafkaClient
        from aiokafka.protocol.produce import ProduceRequest

        send, slow = AIOKafkaClient.send, self._folder / "slow"

        async def held_back(client: Any, node: int, request: Any, **more: Any) -> Any:
            if isinstance(request, ProduceRequest) and slow.exists():
                await asyncio.sleep(SLOW_S)
            return await send(client, node, request, **more)

        AIOKafkaClient.send = held_back
