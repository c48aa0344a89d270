"""Slates that wait for judgements: bounded, each until its deadline, only a visitor's newest, none of who left."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from models.intent import JudgementKey
from models.placements import Placement
from streams.deciding import Answers, Occasion
from streams.telemetry import count

MOST = 1000
"""Slates waiting at a time; beyond, the oldest does not get its revision."""

Shelf = tuple[str, str, str | None]
"""Visitor, placement and anchor: what a storefront keeps one slate of."""


class Held(NamedTuple):
    """A slate that waits: everything it is decided from but what all workers know, and until when it waits.

    `shelf` names whose it is and where; `keys` and `best` say which judgements it waits for; `state` is the visitor's,
    for the evidence, None where none is written.
    """

    slate_id: str
    shelf: Shelf
    placement: Placement
    occasion: Occasion
    answers: Answers
    keys: tuple[JudgementKey, ...]
    best: tuple[str, ...]
    deadline_at: datetime
    state: bytes | None


class Waiting:
    """Slates by whose they are and by the keys they wait for."""

    def __init__(self) -> None:
        self._held: OrderedDict[Shelf, Held] = OrderedDict()
        self._shelves: defaultdict[bytes | str, set[Shelf]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._held)

    def add(self, held: Held) -> None:
        """Let a slate wait in place of an older one of its shelf."""
        self.leave(held.shelf, outcome="superseded")
        if len(self._held) >= MOST:
            self.leave(next(iter(self._held)), outcome="shed")
        self._held[held.shelf] = held
        for name in _names(held):
            self._shelves[name].add(held.shelf)

    def leave(self, shelf: Shelf, *, outcome: str) -> None:
        """Let a shelf's slate wait no longer; one that does not wait is ignored."""
        held = self._held.pop(shelf, None)
        if held is None:
            return
        count("revisions", outcome=outcome)
        for name in _names(held):
            shelves = self._shelves[name]
            shelves.discard(shelf)
            if not shelves:
                del self._shelves[name]

    def clear(self) -> None:
        """Let no slate wait any longer."""
        while self._held:
            self.leave(next(iter(self._held)), outcome="gone")

    def holds(self, held: Held) -> bool:
        """Say whether this very slate still waits."""
        return self._held.get(held.shelf) is held

    def of_visitor(self, visitor_id: str) -> list[Held]:
        """List a visitor's slates that wait."""
        return [self._held[shelf] for shelf in sorted(self._shelves.get(visitor_id, ()), key=str)]

    def of_user(self, user_id: str) -> list[Held]:
        """List the slates that wait of all visitors who are one user."""
        return [held for held in self._held.values() if held.occasion.context.user_id == user_id]

    def expire(self, now: datetime) -> None:
        """Let go of those whose deadline has passed; they were added in the order of their deadlines."""
        while self._held and next(iter(self._held.values())).deadline_at < now:
            self.leave(next(iter(self._held)), outcome="late")

    def waiting_for(self, keys: Collection[bytes]) -> list[Held]:
        """List the slates that wait for any of these keys, the longest waiting first."""
        shelves = {shelf for key in keys for shelf in self._shelves.get(key, ())}
        return [held for shelf, held in self._held.items() if shelf in shelves] if shelves else []


def _names(held: Held) -> Iterator[bytes | str]:
    """Name what a slate is found by: its visitor, as text, and the keys it waits for, as bytes."""
    yield held.shelf[0]
    yield from (key.encode() for key in held.keys)
