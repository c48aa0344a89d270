"""Who asked to be forgotten, as whatever reads old events or steps again must know it before it reads the first."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.erasures import Erasure
from schemas.errors import DecodeError
from schemas.events import Event
from schemas.record import epoch_ms
from schemas.topics import ERASURES, Topics
from streams.flow import LogRecord
from streams.reading import assigned_consumer, read_to_end
from streams.unreadable import unreadable


class Erased:
    """A fold of `erasures`: up to when each visitor and user is forgotten."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        """Count who asked."""
        return len(self._until)

    def apply(self, record: LogRecord) -> None:
        """Take the next entry; who asks again is forgotten up to the later time."""
        try:
            entry = Erasure.decode(record.value)
        except DecodeError as error:
            unreadable(ERASURES, str(error), partition=record.partition, offset=record.offset)
            return
        subject = entry.subject, entry.subject_id
        self._until[subject] = max(self._until.get(subject, 0), epoch_ms(entry.until))

    def covers(self, event: Event, *, arrived_ms: int) -> bool:
        """Tell whether an event must not be used again.

        Args:
            event: any; a `forget` itself may always be used again, which does no harm.
            arrived_ms: when it came in the first time, milliseconds since 1970.
        """
        return event.name != "forget" and self.covers_ids(event.visitor_id, event.user_id, arrived_ms=arrived_ms)

    def covers_history(self, event: Event) -> bool:
        """Tell whether an event of a history must not be used: one that came in when it happened."""
        return self.covers(event, arrived_ms=epoch_ms(event.at))

    def covers_ids(self, visitor_id: str | None, user_id: str | None, *, arrived_ms: int) -> bool:
        """Tell the same of anything that bears these ids, such as a learning step."""
        subjects = (("visitor", visitor_id), ("user", user_id))
        return any(name is not None and arrived_ms <= self._until.get((kind, name), -1) for kind, name in subjects)


async def read_erased(client: Mapping[str, Any], topics: Topics) -> Erased:
    """Read all of `erasures` as it stands now.

    Args:
        client: keyword arguments that every aiokafka client takes.
        topics: names on the broker.
    """
    erased = Erased()

    def take(_partition: int, records: Sequence[LogRecord]) -> None:
        for record in records:
            erased.apply(record)

    consumer = assigned_consumer(client)
    await consumer.start()
    try:
        await read_to_end(consumer, topics[ERASURES], {0: 0}, take)
    finally:
        await consumer.stop()
    return erased
