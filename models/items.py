"""Numbers for names: items and visitors as rows of arrays, in order of first appearance in the log."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import orjson

from models.kernel import grown

State = dict[str, np.ndarray]
"""What decides predictions, as named arrays: the one form that is hashed, saved and loaded."""


class Stateful(Protocol):
    """A piece of the model."""

    def state(self) -> State:
        """Return what decides predictions."""

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned; the piece must be new."""


class ByItem(Protocol):
    """A piece of the model that keeps numbers of items."""

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""


def packed(value: object) -> np.ndarray:
    """Turn names and other plain values into bytes as uint8, shape (n,); floats survive exactly."""
    return np.frombuffer(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS), np.uint8)


def unpacked(array: np.ndarray) -> list[Any]:
    """Read back a list that `packed` wrote."""
    return list(orjson.loads(array.tobytes()))


class Registry:
    """Give each name a small number; when full, the names not seen for longest give theirs back.

    Which names go is decided by log position alone, so all followers evict alike. A sixteenth goes at once, because
    whoever uses the numbers has to sweep its tables for them.

    Names that are unknown to the catalogue give way to each other only, half of them at once, and so do the others:
    whoever makes names up takes no product's place, and few sweeps' time.

    Args:
        cap: at most this many names.
        unknown: of them, at most this many that `sort_out` was told are unknown.

    Attributes:
        epoch: changes whenever a number comes to mean another name than it did.
    """

    def __init__(self, cap: int, *, unknown: int = 0) -> None:
        self.cap = cap
        self.cap_unknown = unknown
        self.unknown: set[int] = set()
        self.names: list[str] = []
        self.numbers: dict[str, int] = {}
        self.seen = np.zeros(min(cap, 64), np.int64)
        self.free: list[int] = []
        self.tick = 0
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def rows(self) -> int:
        """How many rows tables need: one past the greatest number ever given."""
        return len(self.names)

    def get(self, name: str) -> int:
        """Look a name up; -1 when it is not known."""
        return self.numbers.get(name, -1)

    def intern(self, name: str) -> int:
        """Return the name's number, giving it one if needed; counts as seen now."""
        number = self.numbers.get(name)
        if number is None:
            number = self._add(name)
        self.tick += 1
        self.seen[number] = self.tick
        return number

    def _add(self, name: str) -> int:
        if self.free:
            number = self.free.pop()
            self.names[number] = name
            self.epoch += 1
        else:
            number = len(self.names)
            if number == len(self.seen):
                self.seen = grown(self.seen, number + 1, self.cap)
            self.names.append(name)
        self.numbers[name] = number
        return number

    def known(self, name: str) -> int:
        """Return the name's number, giving it one if needed; only a new name counts as seen."""
        number = self.numbers.get(name)
        return self.intern(name) if number is None else number

    def make_room(self, wanted: int) -> np.ndarray:
        """Evict so that `wanted` new names fit, whichever kind they are; to be called before they are interned.

        Returns:
            The numbers taken back, int64, ascending; empty when there was room.
        """
        unknown = len(self.unknown)
        missing = len(self.numbers) - unknown + wanted - (self.cap - self.cap_unknown)
        missing_unknown = unknown + wanted - self.cap_unknown
        gone = np.empty(0, np.int64)
        if missing > 0:
            known = [number for number in self.numbers.values() if number not in self.unknown]
            gone = self._oldest(known, max(missing, self.cap // 16))
        if unknown and missing_unknown > 0:
            gone = np.concatenate([gone, self._oldest(self.unknown, max(missing_unknown, self.cap_unknown // 2))])
        gone.sort()
        for number in gone.tolist():
            self.remove(self.names[number])
        return gone

    def _oldest(self, numbers: Collection[int], count: int) -> np.ndarray:
        live = np.fromiter(numbers, np.int64, len(numbers))
        return live[np.argsort(self.seen[live])[:count]]

    def sort_out(self, names: Iterable[str], unknown: Collection[str]) -> None:
        """Take over which of some names are unknown to the catalogue now; the rest of them is known."""
        for name in names:
            number = self.numbers.get(name, -1)
            if name in unknown and number >= 0:
                self.unknown.add(number)
            else:
                self.unknown.discard(number)

    def remove(self, name: str) -> int:
        """Forget a name; return its number, -1 when it was not known."""
        number = self.numbers.pop(name, -1)
        if number >= 0:
            self.names[number] = ""
            self.seen[number] = 0
            self.free.append(number)
            self.epoch += 1
            self.unknown.discard(number)
        return number

    def rename(self, old: str, new: str) -> None:
        """Give a known name's number to a name that is not known."""
        number = self.numbers.pop(old)
        self.numbers[new] = number
        self.names[number] = new
        self.epoch += 1

    def state(self) -> State:
        """Return what decides predictions."""
        return {
            "names": packed(self.names),
            "free": np.array(self.free, np.int64),
            "seen": self.seen[: len(self.names)],
            "tick": np.array([self.tick], np.int64),
            "unknown": np.array(sorted(self.unknown), np.int64),
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        self.names = [str(name) for name in unpacked(state["names"])]
        self.free = state["free"].tolist()
        gone = set(self.free)
        self.numbers = {name: number for number, name in enumerate(self.names) if number not in gone}
        self.seen = grown(state["seen"].copy(), 1, self.cap)
        self.tick = int(state["tick"][0])
        self.epoch += 1
        self.unknown = set(state["unknown"].tolist())


def prefixed(name: str, state: State) -> State:
    """Put a part's state under its name."""
    return {f"{name}/{key}": value for key, value in state.items()}


def part(name: str, state: State) -> State:
    """Return what stands under a name."""
    return {key[len(name) + 1 :]: value for key, value in state.items() if key.startswith(f"{name}/")}


def mask_of(numbers: np.ndarray | Sequence[int], rows: int) -> np.ndarray:
    """Return bool, shape (rows,), true at the given numbers."""
    mask = np.zeros(rows, np.bool_)
    mask[np.asarray(numbers, np.int64)] = True
    return mask
