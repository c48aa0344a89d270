"""What `make takeover` measures: how much, and the figures that come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from waits import Answered


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Args:
        visitors: whose states a start brings back.
        taken_over: visitors of the installation whose worker is killed, and of the rolling restart.
        waiting: events that wait for a start.
        takeover_rate: events a second while a worker is killed; each partition gets some every second.
        rolling_rate: events a second during the rolling restart; about two slates each.
        rolling_s: how long events are sent.
        session_timeout_s: of the workers.
        backlog: events that come at once; more than the worker fetches ahead.
        backlog_s: how long memory is watched then.
    """

    visitors: int = 1_000_000
    taken_over: int = 100_000
    waiting: int = 100
    takeover_rate: float = 40
    rolling_rate: float = 50
    rolling_s: float = 60
    session_timeout_s: float = 10
    backlog: int = 200_000
    backlog_s: float = 60

    @property
    def takeover_s(self) -> float:
        """Give how long events are sent around the kill."""
        return self.session_timeout_s + 15


class Start(NamedTuple):
    """A worker's start with a past of many visitors and events waiting.

    `size` is bytes of keys and states; `ready_s` and the slates' times count from the start of its process; `memory` is
    the worker's when it was ready, `peak` the most until then, bytes.
    """

    visitors: int
    size: int
    restored: int
    restore_s: float
    ready_s: float
    first_slate_s: float
    last_slate_s: float
    memory: int
    peak: int


class TakenOver(NamedTuple):
    """One of two workers was killed; `serves_after_s` until each of its partitions had given a slate to a new event."""

    visitors: int
    session_timeout_s: float
    serves_after_s: float
    worst_wait_s: float
    slates: Answered


class Rolling(NamedTuple):
    """Both workers were restarted, one after the other, while events came; `starts_s` until ready."""

    slates_per_s: float
    worst_wait_s: float
    stops_s: Sequence[float]
    starts_s: Sequence[float]
    slates: Answered


class Backlog(NamedTuple):
    """Memory of a worker before events came, at most while they waited, and at the end, bytes; `left` still wait."""

    events: int
    size: int
    before: int
    peak: int
    after: int
    left: int


class Results(NamedTuple):
    """What was measured; None for what was left out."""

    start: Start | None = None
    takeover: TakenOver | None = None
    rolling: Rolling | None = None
    backlog: Backlog | None = None
