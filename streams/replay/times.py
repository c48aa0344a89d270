"""Times as an operator writes them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from schemas.errors import RefusedError
from schemas.events import Event
from schemas.record import nearest_time
from streams.replay.logs import Logs


def time_of(text: str | None, *, option: str) -> datetime | None:
    """Read a time.

    >>> str(time_of("2026-05-01", option="--from"))
    '2026-05-01 00:00:00+00:00'

    Args:
        text: RFC 3339, or its first part; UTC where no offset is given. None stays None.
        option: what it was given for.

    Raises:
        RefusedError: it is no time.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"{option} {text} is no time: write it like 2026-05-01T12:00:00Z.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


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
