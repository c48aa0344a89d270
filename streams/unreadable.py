"""What a log holds and this build cannot read: counted always, told now and then."""

import logging
from collections.abc import Callable

from schemas.topics import TopicName
from streams.telemetry import Seldom, count

log = logging.getLogger(__name__)

_seldom = Seldom()


def unreadable(
    topic: TopicName, why: str, *, partition: int, offset: int | None = None, tell: Callable[[str], bool] = _seldom
) -> None:
    """Count a record that is skipped for good, and log the first of a topic in a minute.

    Args:
        topic: where it stands.
        why: what is wrong with it; no values.
        partition: where it stands.
        offset: where it stands, where that is known.
        tell: says whether this topic is to be logged now.
    """
    count("unreadable", topic=topic)
    if tell(topic):
        where = {"topic": topic, "partition": partition} | ({} if offset is None else {"offset": offset})
        log.warning("%s: a record is unreadable and skipped (%s), see aisle_unreadable_total", topic, why, extra=where)
