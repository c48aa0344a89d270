"""What is bought together: pairs of one basket."""

from collections.abc import Callable, Sequence

import numpy as np

from models.items import State
from models.kernel import add_weight, compiled, drop_partners, grown, top_n
from models.pair_limit import PairLimit, mixed, take

START_ROWS = 64


@compiled
def _learn(
    ids: np.ndarray,
    weights: np.ndarray,
    used: np.ndarray,
    keys: np.ndarray,
    days: np.ndarray,
    counts: np.ndarray,
    basket: np.ndarray,
    item: int,
    visitor: int,
    day: int,
    most: int,
) -> None:
    for other in basket:
        if other != item and take(keys, days, counts, mixed(visitor, other, item), day, most):
            add_weight(ids, weights, used, other, item, 1.0)
            add_weight(ids, weights, used, item, other, 1.0)


@compiled
def _query(
    ids: np.ndarray,
    weights: np.ndarray,
    used: np.ndarray,
    bought: np.ndarray,
    baskets: int,
    cart: np.ndarray,
    least: float,
    shrink: float,
    popularity: float,
    sums: np.ndarray,
    limit: int,
) -> tuple[np.ndarray, np.ndarray]:
    touched = np.empty(len(cart) * ids.shape[1], np.int32)
    count = 0
    for row in cart:
        for j in range(used[row]):
            together = weights[row, j]
            partner = ids[row, j]
            if together < least:
                continue
            if together * baskets <= bought[row] * bought[partner]:
                continue
            if sums[partner] == 0.0:
                touched[count] = partner
                count += 1
            share = together / (bought[row] * bought[partner] ** popularity)
            sums[partner] += np.float32(share * together / (together + shrink))
    for row in cart:
        sums[row] = 0.0
    kept = 0
    scores = np.empty(count, np.float32)
    for t in range(count):
        partner = touched[t]
        if sums[partner] > 0.0:
            touched[kept] = partner
            scores[kept] = sums[partner]
            kept += 1
        sums[partner] = 0.0
    return top_n(touched, scores, kept, limit)


class Complements:
    """Co-purchase: how often a buyer of one takes the other, less for what everybody takes, summed over the cart.

    score = n(a, b) / (n(a) n(b) ** popularity) x n(a, b) / (n(a, b) + shrink); pairs below `least` co-purchases or
    with lift n(a, b) baskets / (n(a) n(b)) <= 1 are no evidence. Measured on the baskets of UCI Online Retail: P@10
    .195 for half a basket, log(lift) in its place .169.

    Args:
        cap: most items.
        slots: partners kept per item.
        least: co-purchases needed.
        shrink: co-purchases at which a pair counts half.
        popularity: 0..1, how much a partner's own popularity takes away.
        limit: additions a visitor may make.
    """

    def __init__(self, *, cap: int, slots: int, least: int, shrink: float, popularity: float, limit: PairLimit) -> None:
        self.cap = cap
        self.least = least
        self.shrink = shrink
        self.popularity = popularity
        self.limit = limit
        self.baskets = 0
        self.ids = np.zeros((START_ROWS, slots), np.int32)
        self.weights = np.zeros((START_ROWS, slots), np.float32)
        self.used = np.zeros(START_ROWS, np.int32)
        self.bought = np.zeros(START_ROWS, np.int32)
        self._sums = np.zeros(START_ROWS, np.float32)

    def learn_one(self, basket: np.ndarray, new: Sequence[int], *, rows: int, visitor: int, day: int) -> None:
        """Learn the items that join a basket.

        Args:
            basket: int32, shape (n,), what was in it before; empty opens a basket.
            new: items not in it yet.
            rows: rows of the item registry.
            visitor: hash of the visitor, 0..2**63-1.
            day: day of the model's clock.
        """
        self.grow(rows)
        self.baskets += len(basket) == 0 and len(new) > 0
        limit = self.limit
        together = np.concatenate([basket, np.asarray(new, np.int32)])
        for at, item in enumerate(new, len(basket)):
            self.bought[item] += 1
            _learn(
                self.ids, self.weights, self.used, limit.keys, limit.days, limit.counts,
                together[:at], item, visitor, day, limit.most,
            )  # fmt: skip

    def rank(self, cart: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Score what goes with a cart; int32, shape (n,), distinct. Nothing of the cart itself is returned."""
        known = cart[cart < len(self.used)]
        return _query(
            self.ids, self.weights, self.used, self.bought, self.baskets, known, self.least, self.shrink,
            self.popularity, self._sums, limit,
        )  # fmt: skip

    def count(self, a: int, b: int) -> float:
        """Return how often two items were bought together."""
        if a >= len(self.used):
            return 0.0
        found = np.flatnonzero(self.ids[a, : self.used[a]] == b)
        return float(self.weights[a, found[0]]) if len(found) else 0.0

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""
        self.grow(len(gone))
        self.used[: len(gone)][gone] = 0
        self.bought[: len(gone)][gone] = 0
        drop_partners(self.ids, self.weights, self.used, gone, len(gone))

    def grow(self, rows: int) -> None:
        """Make room for so many rows of the item registry."""
        if rows > len(self.used):
            self.ids = grown(self.ids, rows, self.cap)
            self.weights = grown(self.weights, rows, self.cap)
            self.used = grown(self.used, rows, self.cap)
            self.bought = grown(self.bought, rows, self.cap)
            self._sums = np.zeros(len(self.used), np.float32)

    def state(self) -> State:
        """Return what decides predictions."""
        held = np.arange(self.ids.shape[1]) < self.used[:, None]
        return {
            "baskets": np.array([self.baskets], np.int64),
            "used": np.trim_zeros(self.used, "b"),
            "bought": np.trim_zeros(self.bought, "b"),
            "ids": self.ids[held],
            "weights": self.weights[held],
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.baskets = int(state["baskets"][0])
        self.grow(max(len(state["used"]), len(state["bought"])))
        self.used[: len(state["used"])] = state["used"]
        self.bought[: len(state["bought"])] = state["bought"]
        held = np.arange(self.ids.shape[1]) < self.used[:, None]
        self.ids[held] = state["ids"]
        self.weights[held] = state["weights"]


def substitutes(
    found: np.ndarray,
    cart: np.ndarray,
    *,
    bought: Callable[[int, int], float],
    viewed: Callable[[int, int], float],
    category_of: Callable[[int], str | None],
) -> np.ndarray:
    """Mark what replaces something in the cart rather than going with it.

    A product of the same leaf category as one in the cart, looked at with it more than bought with it.

    Args:
        found: candidates, shape (n,).
        cart: items of the cart.
        bought: co-purchases of (cart item, candidate).
        viewed: co-visits of (cart item, candidate).
        category_of: the leaf category of an item, None or empty where it has none.

    Returns:
        bool, shape (n,).
    """
    ours = [(item, category) for item in cart.tolist() if (category := category_of(item))]
    marks = np.zeros(len(found), np.bool_)
    for at, candidate in enumerate(found.tolist() if ours else ()):
        category = category_of(candidate)
        marks[at] = any(category == other and viewed(item, candidate) > bought(item, candidate) for item, other in ours)
    return marks
