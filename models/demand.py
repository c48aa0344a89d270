"""What would have to be judged for slates that were asked for: which keys, and which products of each."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import NamedTuple

import numpy as np

from models.intent import JudgementKey

FEWEST_VISITORS = 3
"""Distinct visitors that have a key before it is worth being judged."""

FIRST = 20
"""So many of the best candidates decide whether a slate is covered: what is among them is judged first."""


class Wish(NamedTuple):
    """One slate that was asked for.

    Args:
        name: what slates are drawn by, any 63-bit number.
        at_ms: when.
        keys: what it is judged by, the finest first; none where nothing is known of the visitor.
        best: its best candidates, best first: rows of the fact table, int32.
    """

    name: int
    at_ms: int
    keys: tuple[JudgementKey, ...]
    best: np.ndarray


class Need(NamedTuple):
    """One key to be judged: its items, what most slates want first, and how many slates there are for it."""

    key: JudgementKey
    items: tuple[str, ...]
    slates: int


@dataclass(frozen=True)
class Needs:
    """What is to be judged.

    Args:
        keys: those worth it, what most slates want first.
        possible: distinct keys of the slates, worth it or not.
        slates: that were drawn.
        keyed: those of them that have a key.
        asked: slates before the draw.
        span_ms: from the first to the last that was drawn.
        names: of those drawn.
    """

    keys: tuple[Need, ...]
    possible: int
    slates: int
    keyed: int
    asked: int
    span_ms: int
    names: frozenset[int]


class Demand:
    """Collects slates.

    A slate counts for the finest of its keys that enough visitors have. A key's visitors are those of all slates, drawn
    or not: they would all come to a shop.

    Args:
        limit: draw only so many slates, by their names, and hold no more than twice as many; None for all.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._asked = 0
        self._wishes: list[Wish] = []
        self._visitors: dict[JudgementKey, set[int]] = {}

    def add(self, wish: Wish, visitor: int) -> None:
        """Take a slate that a visitor (any number) asks for."""
        self._asked += 1
        self._wishes.append(wish)
        if self._limit is not None and len(self._wishes) >= 2 * self._limit:
            self._wishes = self._drawn()
        for key in wish.keys:
            known = self._visitors.setdefault(key, set())
            if len(known) < FEWEST_VISITORS:
                known.add(visitor)

    def needs(self, names: Sequence[str]) -> Needs:
        """Say what is to be judged.

        Args:
            names: items by row of the fact table.
        """
        drawn = self._drawn()
        slates: dict[JudgementKey, list[np.ndarray]] = {}
        for wish in drawn:
            key = next((one for one in wish.keys if len(self._visitors[one]) >= FEWEST_VISITORS), None)
            if key is not None:
                slates.setdefault(key, []).append(wish.best)
        found = [Need(key, _most_wanted(every, names, room=key.room), len(every)) for key, every in slates.items()]
        times = [wish.at_ms for wish in drawn]
        return Needs(
            keys=tuple(sorted(filter(_any, found), key=lambda need: (-need.slates, need.key))),
            possible=len({key for wish in drawn for key in wish.keys}),
            slates=len(drawn),
            keyed=sum(bool(wish.keys) for wish in drawn),
            asked=self._asked,
            span_ms=max(times, default=0) - min(times, default=0),
            names=frozenset(wish.name for wish in drawn),
        )

    def _drawn(self) -> list[Wish]:
        if self._limit is None:
            return self._wishes
        return nsmallest(self._limit, self._wishes, key=lambda wish: wish.name)


def _any(need: Need) -> bool:
    return bool(need.items)


def _most_wanted(every: Collection[np.ndarray], names: Sequence[str], *, room: int) -> tuple[str, ...]:
    """Order the candidates of a key's slates by how many have them among the first, then at all, then by name."""
    first, all_of = Counter[int](), Counter[int]()
    for best in every:
        first.update(best[:FIRST].tolist())
        all_of.update(best.tolist())
    order = sorted(all_of, key=lambda row: (-first[row], -all_of[row], names[row]))
    return tuple(names[row] for row in order[:room])
