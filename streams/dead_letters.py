"""From any record of a log to its dead letter; nothing that Kafka can hold makes this fail."""

import logging
from collections.abc import Callable

from schemas.dead import Source, dead_letter
from schemas.errors import DecodeError
from schemas.record import nearest_time
from schemas.topics import DEAD_OF, TopicName
from streams.flow import LogRecord, Out
from streams.telemetry import Seldom

log = logging.getLogger(__name__)

MAX_HEADERS = 16
MAX_HEADER_CHARS = 256
MAX_KEY_BYTES = 4096
"""With these, letter and key stay under Kafka's default message limit, whatever the record's sizes were."""

_seldom = Seldom()


def refused(
    topic: TopicName, record: LogRecord, error: DecodeError, *, attempts: int = 1, tell: Callable[[str], bool] = _seldom
) -> Out:
    """Make a record's dead letter.

    The worker dies where this fails, and then again on the dead letter of the record that killed it. So it takes
    what is legal and strange: null header values (become ""), keys of a megabyte (cut), times that no calendar knows
    (clamped to the years 1970..9999).

    Args:
        topic: where the record stands.
        record: any.
        error: why it is refused.
        attempts: how often it was tried.
        tell: says whether this topic and reason are to be logged now.
    """
    at = nearest_time(record.timestamp_ms)
    source = Source(topic=topic, partition=record.partition, offset=record.offset, timestamp=at)
    headers = {
        _text(name.encode(errors="replace")): _text(value or b"") for name, value in record.headers[:MAX_HEADERS]
    }
    letter = dead_letter(error, source=source, key=record.key, value=record.value, headers=headers, attempts=attempts)
    key = None if record.key is None else record.key[:MAX_KEY_BYTES]
    if tell(f"{topic} {error.reason}"):
        where = {"topic": topic, "partition": record.partition, "offset": record.offset}
        log.warning("a record of %s is a dead letter: %s", topic, error, extra=where)
    return Out(DEAD_OF[topic], record.partition, key, letter.encode(), record.offset)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")[:MAX_HEADER_CHARS]
