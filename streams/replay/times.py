"""Between which times events are taken."""

from collections.abc import Callable, Mapping
from datetime import datetime

from schemas.events import Event
from schemas.record import nearest_time
from streams.replay.logs import Logs


async def first_arrival(logs: Logs, topic: str, starts: Mapping[int, int], ends: Mapping[int, int]) -> datetime | None:
    """Give when the first record that is left came in; None where none is."""
    found: list[int] = []
    spans = {partition: (start, min(start + 1, ends[partition])) for partition, start in starts.items()}
    await logs.read(topic, spans, lambda _, records: found.extend(record.timestamp_ms for record in records))
    return nearest_time(min(found)) if found else None


def between(start: datetime | None, end: datetime | None) -> Callable[[Event], bool] | None:
    """Give what tells whether an event happened from `start` on and before `end`; None where both are open."""
    if start is None and end is None:
        return None
    return lambda event: (start is None or event.at >= start) and (end is None or event.at < end)
