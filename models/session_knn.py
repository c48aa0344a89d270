"""Session nearest neighbours (VSTAN), kept up to date click by click."""

import math

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
    recent: np.ndarray,
    own: int,
    sessions: int,
    position_decay: float,
    age_scale: float,
    k: int,
    similarity: np.ndarray,
    shared: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k most similar sessions (slots) and their similarities; `shared` is left at the latest shared item.

    similarity = sum over shared items of exp(-rank / position_decay) x ln(1 + sessions / (df + 1)),
    over sqrt(length), x exp(-age / age_scale), age in sessions.
    """
    kept = postings.shape[1]
    slots = np.empty(len(recent) * kept, np.int32)
    count = 0
    mask = len(number) - 1
    for rank in range(len(recent)):
        item = recent[rank]
        rarity = math.log(1.0 + sessions / (posted[item] + 1.0))
        weight = np.float32(math.exp(-rank / position_decay) * rarity)
        for t in range(posted[item] - 1, max(0, posted[item] - kept) - 1, -1):
            low = postings[item, t % kept]
            slot = low & mask
            # A reused slot belongs to a younger session, an erased one to nobody.
            if slot == own or length[slot] == 0 or (number[slot] & LOW_BITS) != low:
                continue
            if similarity[slot] == 0.0:
                slots[count] = slot
                count += 1
                shared[slot] = rank
            similarity[slot] += weight
    scores = np.empty(count, np.float32)
    for t in range(count):
        slot = slots[t]
        age = sessions - number[slot]
        scores[t] = similarity[slot] / math.sqrt(total[slot]) * math.exp(-age / age_scale)
        similarity[slot] = 0.0
    return top_n(slots, scores, count, k)


@compiled
def _query(
    items: np.ndarray,
    number: np.ndarray,
    length: np.ndarray,
    total: np.ndarray,
    postings: np.ndarray,
    posted: np.ndarray,
    recent: np.ndarray,
    own: int,
    sessions: int,
    position_decay: float,
    age_scale: float,
    near: np.ndarray,
    idf: float,
    k: int,
    similarity: np.ndarray,
    shared: np.ndarray,
    sums: np.ndarray,
    limit: int,
) -> tuple[np.ndarray, np.ndarray]:
    slots, scores = _neighbours(
        number, length, total, postings, posted, recent, own, sessions, position_decay, age_scale, k, similarity, shared
    )
    touched = np.empty(len(slots) * items.shape[1], np.int32)
    count = 0
    for t in range(len(slots)):
        slot = slots[t]
        target = recent[shared[slot]]
        at = 0
        for j in range(length[slot]):
            if items[slot, j] == target:
                at = j
        # The floor keeps an item found by its sum even when the session's similarity is next to nothing.
        score = max(scores[t], np.float32(1e-30))
        for j in range(length[slot]):
            item = items[slot, j]
            if sums[item] == 0.0:
                touched[count] = item
                count += 1
            sums[item] += score * near[abs(j - at)]
    found = np.empty(count, np.float32)
    for t in range(count):
        item = touched[t]
        found[t] = sums[item] * (1.0 + idf * math.log((sessions + 1.0) / (posted[item] + 1.0)))
        sums[item] = 0.0
    return top_n(touched, found, count, limit)


class SessionKnn(SessionRing):
    """What the sessions most like this one looked at.

    Args:
        cap: most items.
        sessions: most sessions, a power of two.
        session_items: latest items kept of each.
        postings: latest sessions kept per item.
        k: neighbours.
        position_decay: in positions; 1-1.5 measured best.
        step_decay: in positions, around the shared item in the neighbour.
        age_share: age decay as a fraction of the sessions seen.
        idf: weight of the rarity of a recommended item.

    Source: Garg et al., Sequence and Time Aware Neighborhood for Session-based Recommendations (STAN), SIGIR 2019;
    Ludewig et al., Empirical Analysis of Session-Based Recommendation Algorithms, UMUAI 2020 (VSTAN).
    """

    def __init__(
        self,
        *,
        cap: int,
        sessions: int,
        session_items: int,
        postings: int,
        k: int,
        position_decay: float,
        step_decay: float,
        age_share: float,
        idf: float,
    ) -> None:
        super().__init__(cap=cap, sessions=sessions, session_items=session_items, postings=postings)
        self.k = k
        self.position_decay = position_decay
        self.age_share = age_share
        self.idf = idf
        self._near = np.exp(-np.arange(session_items) / step_decay).astype(np.float32)
        self._shared = np.zeros(sessions, np.int32)

    def rank(self, recent: np.ndarray, session: str | None, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Score what the nearest sessions hold.

        Args:
            recent: int32, shape (1..10,), distinct, most recent first.
            session: the session that asks; it is no neighbour of itself.
            limit: at most this many.

        Returns:
            ids int32 and scores float32, best first.
        """
        own = self.slots.get(session, -1) if session else -1
        known = recent[recent < len(self.posted)]
        age_scale = max(1_000.0, self.seen * self.age_share)
        return _query(
            self.items, self.number, self.length, self.total, self.postings, self.posted, known, own, self.seen,
            self.position_decay, age_scale, self._near, self.idf, self.k, self._similarity, self._shared, self._sums,
            limit,
        )  # fmt: skip
