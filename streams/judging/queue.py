"""Keys that wait to be judged: what is asked for together is judged once, and what somebody waits for comes first."""

import math
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from models.intent import JudgementKey
from schemas.judgements import MAX_ASKED

MAX_KEYS: Final = 256
"""More than this is minutes of work: by then the oldest have been asked for again."""

COOL_DOWN_S: Final = 5.0
"""What was just asked about is not asked about again: calls are bounded by keys, whatever the traffic."""

REST_S: Final = 300.0
"""A key whose answer gave no score rests for so long: at temperature 0 the same question has the same answer, and one
that is always declined or cut off would be paid for all day."""

NOBODY_WAITS: Final = -math.inf
"""A deadline that is long over."""


class Wanted(NamedTuple):
    """What is to be judged of one key.

    Args:
        key: the segment and intent.
        partition: of the requests.
        product_ids: items, best candidate first, at most 100.
        deadline: until when a slate waits, by the monotonic clock.
        asked_at: when it was last asked for, by the same.
    """

    key: JudgementKey
    partition: int
    product_ids: tuple[str, ...]
    deadline: float
    asked_at: float


class Queue:
    """One entry a key; at most one turn of a key at a time.

    >>> queue, key = Queue(), JudgementKey("any", "outdoor/kids")
    >>> queue.put(Wanted(key, 0, ("a", "b"), NOBODY_WAITS, 1.0))
    >>> queue.put(Wanted(key, 0, ("c", "a"), NOBODY_WAITS, 2.0))
    >>> queue.take(2.0, {0}).product_ids, queue.take(2.0, {0})
    (('c', 'a', 'b'), None)
    """

    def __init__(self) -> None:
        self._entries: dict[JudgementKey, Wanted] = {}
        self._busy: set[JudgementKey] = set()
        self._cooling: dict[JudgementKey, dict[str, float]] = {}
        self._resting: dict[JudgementKey, float] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, wanted: Wanted) -> Wanted | None:
        """Add to what is wanted of a key.

        Returns:
            the entry that was asked for longest ago, where there are too many: it is dropped.
        """
        before = self._entries.pop(wanted.key, None)
        self._entries[wanted.key] = _merged(wanted, before) if before else wanted
        if len(self._entries) <= MAX_KEYS:
            return None
        oldest = min(self._entries.values(), key=lambda entry: entry.asked_at)
        return self._entries.pop(oldest.key)

    def take(self, now: float, partitions: Collection[int]) -> Wanted | None:
        """Begin a turn: everybody's keys first, which cover most slates; then those a slate waits for.

        Args:
            now: by the monotonic clock.
            partitions: only keys of these.
        """
        while free := self._free(partitions):
            chosen = max(free, key=lambda entry: (entry.key.coarse, entry.deadline > now, entry.asked_at))
            del self._entries[chosen.key]
            if warm := self._warm(chosen, now):
                self._busy.add(chosen.key)
                return chosen._replace(product_ids=warm)
        return None

    def done(self, key: JudgementKey, asked: Collection[str], now: float, *, barren: bool = False) -> None:
        """End a turn in which these products were asked about.

        Args:
            key: whose turn it was.
            asked: whatever came of it.
            now: by the monotonic clock.
            barren: there was an answer, without a score.
        """
        self._busy.discard(key)
        if barren:
            self._resting[key] = now
        self._resting = {each: since for each, since in self._resting.items() if now - since < REST_S}
        if asked:
            self._cooling.setdefault(key, {}).update(dict.fromkeys(asked, now))
        cooling = {each: _since(now - COOL_DOWN_S, items) for each, items in self._cooling.items()}
        self._cooling = {each: items for each, items in cooling.items() if items}

    def busy(self) -> set[bytes]:
        """Give the names of keys whose turn is under way."""
        return {key.encode() for key in self._busy}

    def urgent(self, now: float, partitions: Collection[int], *, than: JudgementKey) -> bool:
        """Say whether a slate waits for a key that could be begun and comes before the rest of another."""
        free = [entry for entry in self._free(partitions) if entry.key.coarse >= than.coarse]
        return any(entry.deadline > now and self._warm(entry, now) for entry in free)

    def keep(self, partitions: Collection[int]) -> None:
        """Drop what is of other partitions."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry.partition in partitions}

    def _free(self, partitions: Collection[int]) -> list[Wanted]:
        return [
            entry for key, entry in self._entries.items() if key not in self._busy and entry.partition in partitions
        ]

    def _warm(self, wanted: Wanted, now: float) -> tuple[str, ...]:
        """Give what may be asked about by now."""
        if now - self._resting.get(wanted.key, -math.inf) < REST_S:
            return ()
        cooling = _since(now - COOL_DOWN_S, self._cooling.get(wanted.key, {}))
        return tuple(item for item in wanted.product_ids if item not in cooling)


def _since(then: float, items: Mapping[str, float]) -> dict[str, float]:
    return {item: at for item, at in items.items() if at > then}


def _merged(one: Wanted, other: Wanted) -> Wanted:
    """Put what was asked for last first; the slate that waits longest says until when."""
    later, earlier = (one, other) if one.asked_at >= other.asked_at else (other, one)
    product_ids = tuple(dict.fromkeys(later.product_ids + earlier.product_ids))[:MAX_ASKED]
    return later._replace(
        product_ids=product_ids,
        deadline=max(later.deadline, earlier.deadline),
    )
