"""What must be there against what is, entry by entry as both come in."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
What = TypeVar("What")


@dataclass
class Ledger(Generic[Name, What]):
    """Two lists that must become the same one; which of them is ahead does not matter.

    >>> slates = Ledger()
    >>> slates.expect("s-1", "anna"), slates.see("s-1", "anna"), slates.see("s-1", "bert"), slates.see("s-2", "anna")
    (None, None, None, None)
    >>> slates.missing, slates.strange, slates.repeats, slates.wrong
    ({}, {'s-2': 'anna'}, 1, [])

    `missing` must be there and is not; `strange` is there and must not be; `wrong` is there as something else (its
    first record counts: later ones are `repeats`).
    """

    missing: dict[Name, What] = field(default_factory=dict)
    strange: dict[Name, What] = field(default_factory=dict)
    wrong: list[Name] = field(default_factory=list)
    repeats: int = 0
    _seen: set[Name] = field(default_factory=set)
    _met: set[Name] = field(default_factory=set)

    def expect(self, name: Name, what: What) -> None:
        """Note what must be there."""
        if name in self.strange:
            self._meet(name, self.strange.pop(name), what)
        else:
            self.missing[name] = what

    def see(self, name: Name, what: What) -> None:
        """Note what is there."""
        if name in self._seen:
            self.repeats += 1
            return
        self._seen.add(name)
        if name in self.missing:
            self._meet(name, what, self.missing.pop(name))
        else:
            self.strange[name] = what

    def expects(self, name: Name) -> bool:
        """Tell whether something must be there, whether it is or not."""
        return name in self._met or name in self.missing

    def _meet(self, name: Name, found: What, expected: What) -> None:
        self._met.add(name)
        if found != expected:
            self.wrong.append(name)


@dataclass
class Told:
    """Which differences were told already: one is counted once, however often it is looked at."""

    _names: set[Hashable] = field(default_factory=set)

    def fresh(self, names: Iterable[Hashable]) -> list[Hashable]:
        """Keep those that were not told before."""
        found = [name for name in names if name not in self._names]
        self._names.update(found)
        return found
