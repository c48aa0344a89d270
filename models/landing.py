"""Popularity where nothing is known of a visitor but where they come from."""

from collections.abc import Iterator, Mapping

import numpy as np

from models.items import State, packed, unpacked
from models.kernel import compiled, grown
from models.ranked import Ranked
from schemas.events import Landing

CHAINS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("country",), ("country", "device")),
    (("referrer",), ("source",), ("campaign",)),
    (("part",),),
)
"""Contexts from coarse to fine, each inside the one before; chains stand side by side and do not meet."""

PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")
"""Six hours each, from midnight."""

FIRST_ROWS = 16


def landing_of(landing: Landing | None) -> dict[str, str]:
    """Give the landing context as the flat text features learning knows it by.

    >>> landing_of(Landing(country="NL", utm_campaign="Spring ", referrer="mail", local_hour=13))
    {'country': 'NL', 'referrer': 'mail', 'campaign': 'spring', 'part': 'afternoon'}
    """
    if landing is None:
        return {}
    hour = landing.local_hour
    known = {
        "country": (landing.country or "").upper(),
        "device": landing.device,
        "referrer": landing.referrer,
        "source": landing.utm_source,
        "campaign": landing.utm_campaign,
        "part": None if hour is None else PARTS_OF_DAY[hour // 6],
    }
    told = {name: value if name == "country" else value.strip().lower() for name, value in known.items() if value}
    return {name: value for name, value in told.items() if value}


def chains_of(landing: Mapping[str, str]) -> Iterator[list[str]]:
    """Name the contexts a landing belongs to: those whose values are all known, by chain, coarse to fine.

    >>> list(chains_of({"country": "NL", "device": "mobile", "campaign": "spring"}))
    [['country=NL', 'country=NL&device=mobile'], ['campaign=spring'], []]
    """
    for chain in CHAINS:
        yield [
            "&".join(f"{key}={landing[key]}" for key in level) for level in chain if all(landing.get(k) for k in level)
        ]


@compiled
def _count(ids: np.ndarray, counts: np.ndarray, size: int, item: int, weight: float) -> int:
    """Add to an item's count in one context; return how many items it then has."""
    for at in range(size):
        if ids[at] == item:
            counts[at] += weight
            return size
    ids[size] = item
    counts[size] = weight
    return size + 1


@compiled
def _numbered(items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List each item once, in order of first appearance, and give each one's place in that list."""
    slots = 16
    while slots < 2 * len(items):
        slots *= 2
    table = np.full(slots, -1, np.int32)  # an open hash of places
    distinct = np.empty(len(items), np.int32)
    place = np.empty(len(items), np.int32)
    n = 0
    for t in range(len(items)):
        slot = (items[t] * 40503) & (slots - 1)
        while table[slot] >= 0 and distinct[table[slot]] != items[t]:
            slot = (slot + 1) & (slots - 1)
        if table[slot] < 0:
            table[slot] = n
            distinct[n] = items[t]
            n += 1
        place[t] = table[slot]
    return distinct[:n], place


@compiled
def _refine(share: np.ndarray, place: np.ndarray, counts: np.ndarray, total: float, strength: float) -> None:
    """Turn the parent's shares into a context's.

    Args:
        share: float64, by place; changed.
        place: int32, shape (n,): of the items counted in the context.
        counts: float32, shape (n,): theirs.
        total: events of the context, those of items no longer counted included.
        strength: events at which a context and its parent count alike.
    """
    counted = 0.0
    for t in range(len(place)):
        counted += counts[t]
    # Events of items that were pruned are taken to be like the parent's.
    passed = (strength + total - counted) / (strength + total)
    for u in range(len(share)):
        share[u] *= passed
    for t in range(len(place)):
        share[place[t]] += counts[t] / (strength + total)


class LandingPopularity:
    """Item counts by landing context: smoothed within chains from coarse to fine, chains added up.

    p(item | context) = (n(item) + s x p(item | parent)) / (n + s), the parent of a chain's first context being the
    world: a context without evidence is its parent, one with much evidence is itself. s is `strength` and the number
    of different items counted: a context that goes in all directions says less than one that does not. The chains
    back off in parallel: p(item | landing) = p(item) + sum over chains of (p(item | finest context) - p(item)). Items
    of a context are pruned to its best, and a context is halved when it is full or has seen enough, so that newcomers
    catch up.

    Args:
        cap: most contexts; the longest unseen go first.
        items: items kept of each, after pruning the weakest; twice as many before.
        strength: events at which a context and its parent count alike, more by one with each item counted.
        most: events at which a context is halved.

    Source:
        Witten and Bell, IEEE Transactions on Information Theory 37, 1991 (s); Bilmes and Kirchhoff, Factored language
        models and generalized parallel backoff, HLT-NAACL 2003.
    """

    def __init__(self, *, cap: int, items: int, strength: float, most: float) -> None:
        self.cap = cap
        self.items = items
        self.strength = strength
        self.most = most
        self.rows: dict[str, int] = {}
        self._free: list[int] = []
        self._ids = np.zeros((min(cap, FIRST_ROWS), 2 * items), np.int32)
        self._counts = np.zeros((min(cap, FIRST_ROWS), 2 * items), np.float32)
        self._sizes = np.zeros(min(cap, FIRST_ROWS), np.int32)
        self._totals = np.zeros(min(cap, FIRST_ROWS))

    def learn_one(self, landing: Mapping[str, str], item: int, *, weight: float) -> None:
        """Count one event in all the contexts a landing has."""
        if not landing:
            return
        for names in chains_of(landing):
            for name in names:
                self._learn(self._row(name), item, weight)

    def _learn(self, row: int, item: int, weight: float) -> None:
        size = _count(self._ids[row], self._counts[row], int(self._sizes[row]), item, weight)
        self._sizes[row] = size
        self._totals[row] += weight
        if size == 2 * self.items:
            best = np.lexsort((self._ids[row], -self._counts[row]))[: self.items]
            self._keep(row, np.sort(best))
        if size == 2 * self.items or self._totals[row] > self.most:
            self._counts[row] *= np.float32(0.5)
            self._totals[row] *= 0.5

    def _keep(self, row: int, places: np.ndarray) -> None:
        for column in (self._ids, self._counts):
            column[row, : len(places)] = column[row, places]
        self._sizes[row] = len(places)

    def _row(self, name: str) -> int:
        """Give a context's row, the longest unseen context's where all are taken; counts as seen now."""
        row = self.rows.pop(name, None)
        if row is None:
            if len(self.rows) == self.cap:
                self._free.append(self.rows.pop(next(iter(self.rows))))
            row = self._free.pop() if self._free else len(self.rows)
            self._grow(row + 1)
            self._sizes[row] = self._totals[row] = 0
        self.rows[name] = row
        return row

    def _grow(self, rows: int) -> None:
        self._ids, self._counts = grown(self._ids, rows, self.cap), grown(self._counts, rows, self.cap)
        self._sizes, self._totals = grown(self._sizes, rows, self.cap), grown(self._totals, rows, self.cap)

    def rank(
        self, landing: Mapping[str, str], world: np.ndarray, weight: np.ndarray, total: float, *, limit: int
    ) -> Ranked:
        """Rank by a landing's popularity.

        Args:
            landing: context values, see `landing_of`.
            world: int32: the most popular items of all.
            weight: float64, shape (items,): everybody's recent popularity.
            total: its sum.
            limit: at most this many.

        Returns:
            shares of the landing's events, best first, ties by item; at most 1 together.

        >>> popularity = LandingPopularity(cap=10, items=10, strength=1, most=100)
        >>> popularity.learn_one({"country": "NL"}, 1, weight=1.0)
        >>> hats = np.array([0], np.int32), np.array([2.0, 0.0]), 2.0
        >>> ranked = popularity.rank({"country": "NL"}, *hats, limit=5)
        >>> ranked.ids.tolist(), ranked.scores.tolist()
        ([0, 1], [0.6666666865348816, 0.3333333432674408])
        """
        known = [[self.rows[name] for name in names if name in self.rows] for names in chains_of(landing)]
        counted = [self._ids[row, : self._sizes[row]] for rows in known for row in rows]
        ids, place = _numbered(np.concatenate([world, *counted]))
        everywhere = weight[ids] / (total or 1.0)
        shares, at = everywhere.copy(), len(world)
        for rows in known:
            finest = everywhere.copy()
            for row in rows:
                size = int(self._sizes[row])
                _refine(
                    finest, place[at : at + size], self._counts[row, :size], self._totals[row], self.strength + size
                )
                at += size
            shares += finest - everywhere
        best = np.lexsort((ids, -shares))[:limit]
        best = best[shares[best] > 0]
        return Ranked(ids[best], shares[best].astype(np.float32))

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (items,)."""
        for row in self.rows.values():
            self._keep(row, np.flatnonzero(~gone[self._ids[row, : self._sizes[row]]]))

    def items_of(self, name: str) -> list[int]:
        """Name the items counted in a context."""
        row = self.rows.get(name)
        return [] if row is None else self._ids[row, : self._sizes[row]].tolist()

    def state(self) -> State:
        """Return what decides predictions: contexts from longest unseen to just seen."""
        rows = np.array(list(self.rows.values()), np.int64)
        sizes = self._sizes[rows]
        filled = np.arange(2 * self.items) < sizes[:, None]
        return {
            "names": packed(list(self.rows)),
            "sizes": sizes,
            "totals": self._totals[rows],
            "ids": self._ids[rows][filled],
            "counts": self._counts[rows][filled],
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        names = unpacked(state["names"])
        self.rows = {str(name): row for row, name in enumerate(names)}
        self._grow(len(names))
        sizes = state["sizes"]
        filled = np.arange(2 * self.items) < sizes[:, None]
        self._sizes[: len(names)], self._totals[: len(names)] = sizes, state["totals"]
        self._ids[: len(names)][filled] = state["ids"]
        self._counts[: len(names)][filled] = state["counts"]
