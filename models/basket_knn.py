"""Basket nearest neighbours: what the baskets hold that are most like a cart, or like what a person comes back to."""

import math
from collections.abc import Sequence

import numpy as np

from models.kernel import compiled, top_n
from models.session_ring import LOW_BITS, SessionRing


@compiled
def _neighbours(
    number: np.ndarray,
    length: np.ndarray,
    total: np.ndarray,
    postings: np.ndarray,
    posted: np.ndarray,
    wanted: np.ndarray,
    weights: np.ndarray,
    own: int,
    baskets: int,
    length_power: float,
    age_scale: float,
    k: int,
    similarity: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k most similar baskets (slots) and their similarities; `similarity` is left at 0."""
    kept = postings.shape[1]
    slots = np.empty(len(wanted) * kept, np.int32)
    count = 0
    mask = len(number) - 1
    for at in range(len(wanted)):
        item = wanted[at]
        weight = np.float32(weights[at] * math.log(1.0 + baskets / (posted[item] + 1.0)))
        for t in range(posted[item] - 1, max(0, posted[item] - kept) - 1, -1):
            low = postings[item, t % kept]
            slot = low & mask
            # A reused slot belongs to a younger basket, an erased one to nobody.
            if slot == own or length[slot] == 0 or (number[slot] & LOW_BITS) != low:
                continue
            if similarity[slot] == 0.0:
                slots[count] = slot
                count += 1
            similarity[slot] += weight
    scores = np.empty(count, np.float32)
    for t in range(count):
        slot = slots[t]
        age = baskets - number[slot]
        scores[t] = similarity[slot] / total[slot] ** length_power * math.exp(-age / age_scale)
        similarity[slot] = 0.0
    return top_n(slots, scores, count, k)


@compiled
def _query(
    items: np.ndarray,
    length: np.ndarray,
    posted: np.ndarray,
    slots: np.ndarray,
    scores: np.ndarray,
    barred: np.ndarray,
    baskets: int,
    idf: float,
    sums: np.ndarray,
    limit: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Sum the neighbours' similarities by item, leaving out what is barred."""
    touched = np.empty(len(slots) * items.shape[1], np.int32)
    count = 0
    for t in range(len(slots)):
        slot = slots[t]
        # The floor keeps an item found by its sum even when the basket's similarity is next to nothing.
        score = max(scores[t], np.float32(1e-30))
        for j in range(length[slot]):
            item = items[slot, j]
            if sums[item] == 0.0:
                touched[count] = item
                count += 1
            sums[item] += score
    for item in barred:
        sums[item] = 0.0
    found = np.empty(count, np.float32)
    kept = 0
    for t in range(count):
        item = touched[t]
        if sums[item] > 0.0:
            touched[kept] = item
            found[kept] = sums[item] * (1.0 + idf * math.log((baskets + 1.0) / (posted[item] + 1.0)))
            sums[item] = 0.0
            kept += 1
    return top_n(touched, found, kept, limit)


class BasketKnn(SessionRing):
    """What goes into baskets like this one.

    similarity = sum over shared items of weight x ln(1 + baskets / (df + 1)), over length ** `length_power`,
    x exp(-age / (age share x baskets)), age in baskets; an item scores the sum of the similarities of the `k` nearest
    baskets that hold it, x (1 + idf x ln((baskets + 1) / (df + 1))).

    What is put in the cart and bought from it is one basket; the next thing wanted with an empty cart opens another.

    Args:
        cap: most items.
        baskets: most baskets, a power of two.
        basket_items: latest items kept of each.
        postings: latest baskets kept per item.
        k: neighbours.
        length_power: 0..1; .7 measured best.
        cart_age_share: age decay of a cart's neighbours as a fraction of the baskets seen: what goes together stays.
        person_age_share: the same for a person's next basket, which follows the season: much shorter.
        idf: weight of the rarity of a recommended item.

    Source: Garg et al., Sequence and Time Aware Neighborhood for Session-based Recommendations (STAN), SIGIR 2019, over
    baskets without their order; a person's decayed frequencies as the query: Hu et al., Modeling Personalized Item
    Frequency Information for Next-basket Recommendation (TIFU-KNN), SIGIR 2020.
    """

    def __init__(
        self,
        *,
        cap: int,
        baskets: int,
        basket_items: int,
        postings: int,
        k: int,
        length_power: float,
        cart_age_share: float,
        person_age_share: float,
        idf: float,
    ) -> None:
        super().__init__(cap=cap, sessions=baskets, session_items=basket_items, postings=postings)
        self.k = k
        self.length_power = length_power
        self.cart_age_share = cart_age_share
        self.person_age_share = person_age_share
        self.idf = idf

    def add(self, session: str, new: Sequence[int], *, opens: bool, rows: int, owners: tuple[int, int]) -> None:
        """Put items into the basket of a session.

        Args:
            session: its id.
            new: items that the cart did not hold.
            opens: the cart was empty: this is another basket than the session's last.
            rows: rows of the item registry.
            owners: hashes of visitor and user (0 for none), for `forget`.
        """
        if opens:
            self.close(session)
        for item in new:
            if not self.holds(session, item):
                self.learn_one(session, item, rows=rows, owners=owners)

    def complete(self, cart: np.ndarray, session: str | None, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Score what is missing in a cart.

        Args:
            cart: int32, shape (n,), distinct.
            session: the session that asks; its own basket is no neighbour.
            limit: at most this many.

        Returns:
            ids int32 and scores float32, best first; nothing of the cart itself.
        """
        own = self.slots.get(session, -1) if session else -1
        return self._rank(cart, np.ones(len(cart)), own, self.cart_age_share, limit, barred=cart)

    def next_basket(self, items: np.ndarray, weights: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Score what a person buys next, what they had before included.

        Args:
            items: int32, shape (n,), distinct: what they come back to.
            weights: shape (n,), > 0: how much.
            limit: at most this many.

        Returns:
            ids int32 and scores float32, best first.
        """
        return self._rank(items, weights, -1, self.person_age_share, limit, barred=items[:0])

    def _rank(
        self, items: np.ndarray, weights: np.ndarray, own: int, age_share: float, limit: int, *, barred: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        known = items < len(self.posted)
        wanted, weights = items[known], weights[known].astype(np.float64)
        slots, scores = _neighbours(
            self.number, self.length, self.total, self.postings, self.posted, wanted, weights, own, self.seen,
            self.length_power, max(1_000.0, self.seen * age_share), self.k, self._similarity,
        )  # fmt: skip
        return _query(
            self.items, self.length, self.posted, slots, scores, barred[barred < len(self.posted)], self.seen, self.idf,
            self._sums, limit,
        )  # fmt: skip
