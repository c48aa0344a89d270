"""Which keys are worth judging: who asked for them, how often, and which one makes room for another."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from models.intent import ANY
from schemas.judgements import judgement_key
from streams.asking import FIRST_ASKERS

MAX_COUNTED: Final = 10_000
"""Keys that are counted, the ones asked for last."""

ASKER_S: Final = 3600.0
"""Who asked longer ago is forgotten."""

HALF_LIFE_S: Final = 86_400.0
"""Requests count half after a day. Not by the hour: a key whose table covers its slates is not asked for any more, and
would be the rarest of all an hour after it was made."""

MAX_LIVE: Final = 500
"""Keys with a table for each partition of the requests, 2,000 in an installation."""

_COARSE: Final = judgement_key(ANY, "")


class _Count(NamedTuple):
    askers: dict[str, float]
    demand: float
    at: float


class KeyCounts:
    """How often keys were asked for, and by how many; lost with the process, and soon there again.

    >>> counts = KeyCounts()
    >>> for asker in ("x", "y", "y"):
    ...     counts.asked(b"k", asker, now=0.0)
    >>> counts.enough(b"k", now=0.0), counts.demand(b"k", now=0.0), counts.demand(b"k", now=HALF_LIFE_S)
    (False, 3.0, 1.5)
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[bytes, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def asked(self, name: bytes, asker: str | None, now: float) -> None:
        """Count one request; one that does not say who asks makes no asker."""
        before = self._counts.get(name)
        askers = {who: at for who, at in before.askers.items() if now - at < ASKER_S} if before else {}
        if asker is not None and (asker in askers or len(askers) < FIRST_ASKERS):
            askers[asker] = now
        self._counts[name] = _Count(askers, self.demand(name, now) + 1, now)
        self._counts.move_to_end(name)
        if len(self._counts) > MAX_COUNTED:
            self._counts.popitem(last=False)

    def enough(self, name: bytes, now: float) -> bool:
        """Say whether three distinct visitors asked for a key within an hour."""
        count = self._counts.get(name)
        return count is not None and sum(now - at < ASKER_S for at in count.askers.values()) >= FIRST_ASKERS

    def demand(self, name: bytes, now: float) -> float:
        """Give how often a key was asked for, each request half as much a day later."""
        count = self._counts.get(name)
        return 0.0 if count is None else count.demand * 0.5 ** ((now - count.at) / HALF_LIFE_S)


class Place(NamedTuple):
    """Whether a key may have a table, and the one that goes for it."""

    given: bool
    instead_of: bytes | None = None


def place_for(
    name: bytes, live: Mapping[bytes, int], demand: Callable[[bytes], float], *, spared: Collection[bytes] = ()
) -> Place:
    """Find a place for a key's table among those of its partition.

    The rarest goes, of equals the one written longest ago, if it is rarer than the key. Keys of everybody with an
    intent are what rare keys fall back to: they never go for a key of a segment, and these go for them.

    Args:
        name: the key as on the topic.
        live: when each key's table was written, ms since 1970.
        demand: how often a key is asked for.
        spared: keys that never go: they are being judged.
    """
    if name in live or len(live) < MAX_LIVE:
        return Place(given=True)
    others = [other for other in live if other not in spared]
    fine = [other for other in others if not coarse(other)]
    candidates = fine or (others if coarse(name) else [])
    if not candidates:
        return Place(given=False)
    rarest = min(candidates, key=lambda other: (demand(other), live[other]))
    if coarse(name) > coarse(rarest) or demand(rarest) < demand(name):
        return Place(given=True, instead_of=rarest)
    return Place(given=False)


def coarse(name: bytes) -> bool:
    """Tell whether a key is that of everybody with an intent."""
    return name.startswith(_COARSE)
