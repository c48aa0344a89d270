"""Sessions in a ring, and for each item the latest of them that hold it: what neighbours are found in."""

from typing import Final

import numpy as np

from models.items import State, packed, unpacked
from models.kernel import compiled, grown, hash63

START_ROWS = 64
LOW_BITS: Final = 0x7FFF_FFFF
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


class SessionRing:
    """The newest `2**n` sessions by first appearance in the log.

    Args:
        cap: most items.
        sessions: most sessions, a power of two.
        session_items: latest items kept of each.
        postings: latest sessions kept per item.
    """

    def __init__(self, *, cap: int, sessions: int, session_items: int, postings: int) -> None:
        self.cap = cap
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
        self._similarity = np.zeros(sessions, np.float32)
        self._sums = np.zeros(START_ROWS, np.float32)

    def learn_one(self, session: str, item: int, *, rows: int, owners: tuple[int, int]) -> None:
        """Append an item to a session; a repeated item is appended again.

        Args:
            session: its id.
            item: the item.
            rows: rows of the item registry.
            owners: hashes of visitor and user (0 for none), for `forget`.
        """
        self.grow(rows)
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

    def close(self, session: str) -> None:
        """Let a session be; what comes under its name is another one from now on."""
        slot = self.slots.pop(session, -1)
        if slot >= 0:
            self.names[slot] = ""

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""
        self.grow(len(gone))
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

    def grow(self, rows: int) -> None:
        """Make room for so many rows of the item registry."""
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
        self.grow(rows)
        self.posted[:rows] = state["posted"]
        self.postings[:rows][np.arange(self.postings.shape[1]) < state["posted"][:, None]] = state["postings"]
