"""What should have come of the events, worked out without any engine, and how far from it what came is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Place = tuple[int, int]
"""Partition and offset of an event."""


@dataclass(frozen=True)
class Seen:
    """Everything that a run left in its topics.

    `events` gives each event's visitor by its place; `answers` and `dead` are the places that slates and dead letters
    name, one entry a record; `state` is each visitor's count as a restart would restore it, None where none is kept.
    """

    events: Mapping[Place, bytes]
    answers: Iterable[Place]
    dead: Iterable[Place]
    state: Mapping[bytes, int] | None


@dataclass(frozen=True)
class Tally:
    """Events, and what became of them.

    `dead` were refused and are kept with the reason; `lost` have neither an answer nor a dead letter; `doubled` are
    answers beyond the first of each event; `over` and `under` are counted events that visitors have too many and too
    few, None where none are counted.
    """

    events: int
    dead: int
    lost: int
    doubled: int
    over: int | None
    under: int | None


def judge(seen: Seen) -> Tally:
    """Hold what came against what should have come: one answer an event, and each counted once.

    >>> judge(Seen({(0, 0): b"v", (0, 1): b"v"}, [(0, 0), (0, 0)], [], {b"v": 3}))
    Tally(events=2, dead=0, lost=1, doubled=1, over=1, under=0)
    """
    answers, dead = Counter(seen.answers), set(seen.dead)
    due = Counter(visitor for place, visitor in seen.events.items() if place not in dead)
    state = seen.state
    off = None if state is None else [state.get(visitor, 0) - due[visitor] for visitor in {*due, *state}]
    return Tally(
        events=len(seen.events),
        dead=len(dead),
        lost=len(seen.events.keys() - answers.keys() - dead),
        doubled=answers.total() - len(answers),
        over=None if off is None else sum(max(0, one) for one in off),
        under=None if off is None else sum(max(0, -one) for one in off),
    )
