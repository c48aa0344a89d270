"""Session nearest neighbours (VSTAN), kept up to date click by click."""

import math

import numpy as np

from models.items import State, packed, unpacked
from models.kernel import compiled, grown, hash63, top_n

START_ROWS = 64
LOW_BITS = 0x7FFF_FFFF
"""Postings hold the low bits of a session's number; the slot knows the whole of it."""


@compiled
def _learn(
    items: np.ndarray,
    length: np.ndarray,
    total: np.ndarray,
    postings: np.ndarray,
    posted: np.ndarray,
    slot: int,
    low: int,
    item: int,
) -> None:
    size = length[slot]
    known = False
    for j in range(size):
        if items[slot, j] == item:
            known = True
    if not known:
        postings[item, posted[item] % postings.shape[1]] = low
        posted[item] += 1
    total[slot] += 1
    if size < items.shape[1]:
        items[slot, size] = item
        length[slot] = size + 1
        return
    for j in range(size - 1):
        items[slot, j] = items[slot, j + 1]
    items[slot, size - 1] = item


@compiled
def _drop(items: np.ndarray, length: np.ndarray, gone: np.ndarray, slots: int) -> None:
    for slot in range(slots):
        kept = 0
        for j in range(length[slot]):
            if not gone[items[slot, j]]:
                items[slot, kept] = items[slot, j]
                kept += 1
        length[slot] = kept


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


class SessionKnn:
    """What the sessions most like this one looked at.

    Sessions live in a ring: the newest `2**n` by first appearance in the log. Each item remembers its latest sessions.

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
        self.cap = cap
        self.k = k
        self.position_decay = position_decay
        self.age_share = age_share
        self.idf = idf
        self.seen = 0
        self.slots: dict[str, int] = {}
        self.names: list[str] = []
        self.number = np.zeros(sessions, np.int64)
        self.items = np.zeros((START_ROWS, session_items), np.int32)
        self.length = np.zeros(sessions, np.int32)
        self.total = np.zeros(sessions, np.int32)
        self.owners = np.zeros((sessions, 2), np.int64)
        self.postings = np.zeros((START_ROWS, postings), np.int32)
        self.posted = np.zeros(START_ROWS, np.int64)
        self._near = np.exp(-np.arange(session_items) / step_decay).astype(np.float32)
        self._similarity = np.zeros(sessions, np.float32)
        self._shared = np.zeros(sessions, np.int32)
        self._sums = np.zeros(START_ROWS, np.float32)

    def learn_one(self, session: str, item: int, *, rows: int, owners: tuple[int, int]) -> None:
        """Append an item to a session; a repeated item is appended again.

        Args:
            session: its id.
            item: the item.
            rows: rows of the item registry.
            owners: hashes of visitor and user (0 for none), for `forget`.
        """
        self._grow(rows)
        slot = self.slots.get(session, -1)
        if slot < 0:
            slot = self._open(session)
        self.owners[slot, 0] = owners[0]
        if owners[1]:
            self.owners[slot, 1] = owners[1]
        low = int(self.number[slot]) & LOW_BITS
        _learn(self.items, self.length, self.total, self.postings, self.posted, slot, low, item)

    def holds(self, session: str, item: int) -> bool:
        """Say whether a session has the item among its latest."""
        slot = self.slots.get(session, -1)
        return slot >= 0 and item in self.items[slot, : self.length[slot]].tolist()

    def _open(self, session: str) -> int:
        slot = self.seen & (len(self.number) - 1)
        if slot < len(self.names):
            self.slots.pop(self.names[slot], None)
            self.names[slot] = session
        else:
            self.names.append(session)
            self.items = grown(self.items, slot + 1, len(self.number))
        self.slots[session] = slot
        self.number[slot] = self.seen
        self.length[slot] = 0
        self.total[slot] = 0
        self.owners[slot] = 0
        self.seen += 1
        return slot

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

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""
        self._grow(len(gone))
        self.posted[: len(gone)][gone] = 0
        _drop(self.items, self.length, gone, len(self.names))

    def identify(self, visitor: str, user: str) -> None:
        """Say that a visitor's sessions are a user's; those of whoever signed in before stay theirs."""
        owners = self.owners[: len(self.names)]
        owners[(owners[:, 0] == hash63(visitor)) & (owners[:, 1] == 0), 1] = hash63(user)

    def forget(self, key: str) -> None:
        """Erase the sessions of a visitor or user, and the unnamed ones of the visitors a user has been."""
        owners, erased = self.owners[: len(self.names)], hash63(key)
        known_as = owners[owners[:, 1] == erased, 0]
        mine = (owners == erased).any(axis=1) | ((owners[:, 1] == 0) & np.isin(owners[:, 0], known_as))
        for slot in np.flatnonzero(mine).tolist():
            self.slots.pop(self.names[slot], None)
            self.names[slot] = ""
            self.items[slot] = 0
            self.length[slot] = self.total[slot] = 0
            self.owners[slot] = 0

    def _grow(self, rows: int) -> None:
        if rows > len(self.posted):
            self.postings = grown(self.postings, rows, self.cap)
            self.posted = grown(self.posted, rows, self.cap)
            self._sums = np.zeros(len(self.posted), np.float32)

    def state(self) -> State:
        """Return what decides predictions: used cells only."""
        count = len(self.names)
        held = np.arange(self.items.shape[1]) < self.length[:count, None]
        posted = np.trim_zeros(self.posted, "b")
        cells = np.arange(self.postings.shape[1]) < posted[:, None]
        return {
            "seen": np.array([self.seen], np.int64),
            "names": packed(self.names),
            "number": self.number[:count],
            "length": self.length[:count],
            "total": self.total[:count],
            "owners": self.owners[:count],
            "items": self.items[:count][held],
            "posted": posted,
            "postings": self.postings[: len(posted)][cells],
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.seen = int(state["seen"][0])
        self.names = [str(name) for name in unpacked(state["names"])]
        self.slots = {name: slot for slot, name in enumerate(self.names) if name}
        count = len(self.names)
        self.items = grown(self.items, count, len(self.number))
        for name in ("number", "length", "total", "owners"):
            getattr(self, name)[:count] = state[name]
        self.items[:count][np.arange(self.items.shape[1]) < self.length[:count, None]] = state["items"]
        rows = len(state["posted"])
        self._grow(rows)
        self.posted[:rows] = state["posted"]
        self.postings[:rows][np.arange(self.postings.shape[1]) < state["posted"][:, None]] = state["postings"]
