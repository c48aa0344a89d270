"""Who asks here to be forgotten is shown nothing from that moment on, before any worker has heard of it."""

from collections.abc import Callable, Sequence

from schemas.events import Sender
from streams.gateway.cleaning import Taken
from streams.gateway.sending import EventLog


class ForgettingLog:
    """An event log that tells of every `forget` Kafka has.

    Args:
        log: where events go.
        forget: is given the visitor.
    """

    def __init__(self, log: EventLog, forget: Callable[[str], object]) -> None:
        self._log = log
        self._forget = forget

    async def send(self, records: Sequence[Taken], sender: Sender) -> frozenset[int]:
        """Write records and wait; see `EventLog`."""
        missing = await self._log.send(records, sender)
        for place, record in enumerate(records):
            if record.event.name == "forget" and place not in missing:
                self._forget(record.event.visitor_id)
        return missing
