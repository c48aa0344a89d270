"""What is kept of a visitor between two events: immutable, small, a function of the clickstream alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.events import Landing
from schemas.learning import StepKind

UNKNOWN = -1
"""No dwell or scroll is known; never the same as zero."""


class Step(NamedTuple):
    """One thing done with one product.

    `view` is a hash of the page view it happened on (0: not named); `beats` a bit per distinct heartbeat since `at_ms`;
    `told_ms` the longest engaged time the tracker itself reported; `scroll` percent; `gap_ms` the time until the
    visitor's next event.
    """

    product_id: str
    kind: StepKind
    at_ms: int
    view: int = 0
    beats: int = 0
    told_ms: int = 0
    scroll: int = UNKNOWN
    gap_ms: int = UNKNOWN


class Seen(NamedTuple):
    """A product the visitor has seen on slates.

    `slate` is a hash of the last slate it was on, `rank` its place there; `skipped` the session's step count when it
    was passed over for one below it (0: it was not).
    """

    product_id: str
    times: int
    last_ms: int
    clicked: bool
    slate: int
    rank: int
    skipped: int = 0


class Entry(NamedTuple):
    """A product in the cart, or bought."""

    product_id: str
    kind: StepKind
    at_ms: int
    quantity: int


class Session(NamedTuple):
    """One visit.

    `last_ms` is the newest event's time; `events` and `total` the events and steps so far, of which the last are kept;
    `open` counts the last steps whose page the visitor may still be on; `awaits` is set while the last step is a click
    whose page has not shown up: 1 clicked, 2 a page was opened since.
    """

    session_id: str
    start_ms: int
    last_ms: int
    events: int = 0
    total: int = 0
    open: int = 0
    awaits: int = 0
    landing: Landing | None = None
    query: str | None = None
    steps: tuple[Step, ...] = ()


class Profile(NamedTuple):
    """What outlives sessions: carts and purchases (oldest first) and counters."""

    first_ms: int
    sessions: int = 0
    views: int = 0
    carts: int = 0
    purchases: int = 0
    entries: tuple[Entry, ...] = ()


class Rates(NamedTuple):
    """How fast the visitor is: times of the last minute's views and triggers, views by five minutes of an hour."""

    views: tuple[int, ...] = ()
    triggers: tuple[int, ...] = ()
    hour: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Visitor:
    """The state of one visitor.

    Args:
        applied: offset of the last source record applied.
        clock_ms: time of the newest event; expiry counts from here.
        user_id: who the visitor is, once known.
        session: the current visit.
        shown: what was seen on slates, longest ago first.
        profile: what outlives sessions.
        rates: for telling bots.
        seen: 8-byte hashes of the last event ids, oldest first.
        more: fields a newer build wrote, kept as they are for when it is back.
        written: the state as encoded, once it was.
    """

    applied: int
    clock_ms: int
    user_id: str | None
    session: Session | None
    shown: tuple[Seen, ...]
    profile: Profile
    rates: Rates
    seen: bytes
    more: Mapping[str, object] | None = None
    written: bytes | None = field(default=None, init=False, compare=False, repr=False)
