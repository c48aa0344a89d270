"""What goes together where no pair of products tells: pairs of leaf categories, and what is most bought of each."""

from collections.abc import Iterable, Sequence

import numpy as np

from models.items import Registry, State, part, prefixed
from models.kernel import add_weight, compiled, drop_partners, grown, top_n
from models.pair_limit import PairLimit, mixed, take
from models.ranked import Ranked

START_ROWS = 16

SALT = 0x5DEECE66D
"""Tells a pair of categories from the pair of items with the same numbers in the limit they share."""

BACKED_OFF = 0.5
"""The best item of a complementary category scores this share of the weakest pair of products."""

FADE = np.float32(0.99)
"""What a category's items keep of their weight when another of its items is bought: its best are those of late."""


@compiled
def _pair(
    ids: np.ndarray,
    weights: np.ndarray,
    used: np.ndarray,
    keys: np.ndarray,
    days: np.ndarray,
    counts: np.ndarray,
    before: np.ndarray,
    leaf: int,
    visitor: int,
    day: int,
    most: int,
) -> None:
    for other in before:
        if take(keys, days, counts, mixed(visitor, other, leaf), day, most):
            add_weight(ids, weights, used, other, leaf, 1.0)
            add_weight(ids, weights, used, leaf, other, 1.0)


@compiled
def _sell(ids: np.ndarray, weights: np.ndarray, used: np.ndarray, leaf: int, item: int) -> None:
    for j in range(used[leaf]):
        weights[leaf, j] *= FADE
    add_weight(ids, weights, used, leaf, item, 1.0)


@compiled
def _query(
    ids: np.ndarray,
    weights: np.ndarray,
    used: np.ndarray,
    items: np.ndarray,
    sold: np.ndarray,
    held: np.ndarray,
    bought: np.ndarray,
    baskets: int,
    cart: np.ndarray,
    least: float,
    shrink: float,
    popularity: float,
    limit: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Score the items of all complementary categories; one that two categories sell is listed twice."""
    most = len(cart) * ids.shape[1] * items.shape[1]
    found = np.empty(most, np.int32)
    scores = np.empty(most, np.float32)
    count = 0
    for row in cart:
        for j in range(used[row]):
            together = weights[row, j]
            leaf = ids[row, j]
            if together < least or together * baskets <= bought[row] * bought[leaf]:
                continue
            share = together / (bought[row] * bought[leaf] ** popularity) * together / (together + shrink)
            top = np.float32(0.0)
            for t in range(held[leaf]):
                top = max(top, sold[leaf, t])
            for t in range(held[leaf]):
                found[count] = items[leaf, t]
                scores[count] = np.float32(share * sold[leaf, t] / top)
                count += 1
    return top_n(found, scores, count, limit)


class LeafPairs:
    """Co-purchase of leaf categories: candidates for a cart whose products have no partners of their own.

    A pair of categories scores as a pair of products does in `Complements`; an item of the other category scores that
    times its share of its category's most bought one.

    Args:
        cap: most categories, at least 250, which is what one step can name; the longest unseen go first.
        slots: partners kept per category.
        items: most bought items kept of each.
        least: baskets that must hold both.
        shrink: baskets at which a pair counts half.
        popularity: 0..1, how much a partner's own popularity takes away.
        limit: additions a visitor may make.
    """

    def __init__(
        self, *, cap: int, slots: int, items: int, least: int, shrink: float, popularity: float, limit: PairLimit
    ) -> None:
        self.leaves = Registry(cap)
        self.least = least
        self.shrink = shrink
        self.popularity = popularity
        self.limit = limit
        self.baskets = 0
        self.ids = np.zeros((START_ROWS, slots), np.int32)
        self.weights = np.zeros((START_ROWS, slots), np.float32)
        self.used = np.zeros(START_ROWS, np.int32)
        self.bought = np.zeros(START_ROWS, np.int32)
        self.items = np.zeros((START_ROWS, items), np.int32)
        self.sold = np.zeros((START_ROWS, items), np.float32)
        self.held = np.zeros(START_ROWS, np.int32)

    def learn_one(self, before: Iterable[str], new: Sequence[tuple[int, str]], *, visitor: int, day: int) -> None:
        """Learn the items that join a basket.

        Args:
            before: leaf categories in it before; empty opens a basket.
            new: items with their leaf categories; those without one, empty text, teach nothing.
            visitor: hash of the visitor, 0..2**63-1.
            day: day of the model's clock.
        """
        told = [(item, leaf) for item, leaf in new if leaf]
        known = dict.fromkeys(before)
        self._make_room(len(known) + len(told))
        rows = [self.leaves.known(leaf) for leaf in known]
        self._grow(self.leaves.rows)
        self.baskets += not rows and bool(told)
        for item, leaf in told:
            row = self.leaves.intern(leaf)
            self._grow(self.leaves.rows)
            _sell(self.items, self.sold, self.held, row, item)
            if row not in rows:
                self._join(rows, row, visitor ^ SALT, day)
                rows.append(row)

    def _join(self, rows: list[int], row: int, visitor: int, day: int) -> None:
        limit = self.limit
        self.bought[row] += 1
        _pair(
            self.ids, self.weights, self.used, limit.keys, limit.days, limit.counts, np.array(rows, np.int32), row,
            visitor, day, limit.most,
        )  # fmt: skip

    def rank(self, leaves: Iterable[str], limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Score what goes with a cart of these leaf categories: distinct ids int32 and scores float32, best first."""
        rows = [row for leaf in dict.fromkeys(leaves) if 0 <= (row := self.leaves.get(leaf)) < len(self.used)]
        ids, scores = _query(
            self.ids, self.weights, self.used, self.items, self.sold, self.held, self.bought, self.baskets,
            np.array(rows, np.int32), self.least, self.shrink, self.popularity, 2 * limit,
        )  # fmt: skip
        first = np.sort(np.unique(ids, return_index=True)[1])[:limit]
        return ids[first], scores[first]

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""
        drop_partners(self.items, self.sold, self.held, gone, self.leaves.rows)

    def _make_room(self, wanted: int) -> None:
        gone = self.leaves.make_room(wanted)
        if not len(gone):
            return
        mask = np.zeros(len(self.used), np.bool_)
        mask[gone] = True
        for column in (self.used, self.bought, self.held):
            column[gone] = 0
        drop_partners(self.ids, self.weights, self.used, mask, self.leaves.rows)
        self.limit.clear()  # it knows pairs by numbers, which now may mean others

    def _grow(self, rows: int) -> None:
        cap = max(rows, self.leaves.cap)
        for name in ("ids", "weights", "used", "bought", "items", "sold", "held"):
            setattr(self, name, grown(getattr(self, name), rows, cap))

    def state(self) -> State:
        """Return what decides predictions."""
        rows = self.leaves.rows
        self._grow(rows)
        pairs = np.arange(self.ids.shape[1]) < self.used[:rows, None]
        items = np.arange(self.items.shape[1]) < self.held[:rows, None]
        return {
            **prefixed("leaves", self.leaves.state()),
            "baskets": np.array([self.baskets], np.int64),
            "used": self.used[:rows],
            "bought": self.bought[:rows],
            "ids": self.ids[:rows][pairs],
            "weights": self.weights[:rows][pairs],
            "held": self.held[:rows],
            "items": self.items[:rows][items],
            "sold": self.sold[:rows][items],
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.leaves.restore(part("leaves", state))
        rows = self.leaves.rows
        self._grow(rows)
        self.baskets = int(state["baskets"][0])
        for name in ("used", "bought", "held"):
            getattr(self, name)[:rows] = state[name]
        pairs = np.arange(self.ids.shape[1]) < self.used[:rows, None]
        items = np.arange(self.items.shape[1]) < self.held[:rows, None]
        self.ids[:rows][pairs], self.weights[:rows][pairs] = state["ids"], state["weights"]
        self.items[:rows][items], self.sold[:rows][items] = state["items"], state["sold"]


def backed_off(pairs: Ranked, more: Ranked, cart: np.ndarray, limit: int) -> Ranked:
    """Fill a list of partners up with items of complementary categories, all of them weaker than any partner.

    >>> pairs = Ranked(np.array([7], np.int32), np.array([0.5], np.float32))
    >>> more = Ranked(np.array([9, 7, 8], np.int32), np.array([4.0, 3.0, 2.0], np.float32))
    >>> found = backed_off(pairs, more, np.array([1], np.int32), 10)
    >>> found.ids.tolist(), found.scores.tolist()
    ([7, 9, 8], [0.5, 0.25, 0.125])
    """
    room = limit - len(pairs.ids)
    other = (more.scores > 0) & ~np.isin(more.ids, np.concatenate([pairs.ids, cart]))  # long unsold ones fade to 0
    ids, scores = more.ids[other][:room], more.scores[other][:room]
    if len(ids) and len(pairs.ids):
        scores = scores * np.float32(BACKED_OFF * pairs.scores[-1] / scores[0])
    return Ranked(np.concatenate([pairs.ids, ids]), np.concatenate([pairs.scores, scores]))
