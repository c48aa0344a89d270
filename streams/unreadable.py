"""What a log holds and this build cannot read: counted always, told now and then."""

import logging
import time
from collections.abc import Callable

from schemas.topics import TopicName
from streams.telemetry import count

log = logging.getLogger(__name__)

TELL_S = 60.0


class Seldom:
    """Say yes at most once a minute for each name: a log full of nonsense must not fill the other one.

    >>> now = 0.0
    >>> seldom = Seldom(lambda: now)
    >>> seldom("a"), seldom("a"), seldom("b")
    (True, False, True)
    >>> now = TELL_S
    >>> seldom("a"), seldom("a")
    (True, False)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}

    def __call__(self, name: str) -> bool:
        """Say whether it is time again."""
        now = self._clock()
        if name in self._said and now - self._said[name] < TELL_S:
            return False
        self._said[name] = now
        return True


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
