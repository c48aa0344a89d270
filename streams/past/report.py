"""What a verification came to."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import orjson

from streams.past.differences import Difference

SHOWN = 20
"""Differences kept one by one; the others are counted."""


class Differing(NamedTuple):
    """A slate, or the state behind it, that did not come out as it was recorded."""

    slate_id: str
    what: Literal["slate", "state"]
    first: Difference
    revision: int = 0


@dataclass
class Report:
    """Counts by what came of each slate.

    `missing` says why slates could not be compared: `event`, `evidence`, `forgotten` (as the visitor asked), a record
    `of another build`, or a log by its name when it is cut or ends before the slate's place in it. `other` are slates
    decided by another `build`, under other `settings` or in another `generation`.

    A slate's state is compared beside it, and counted apart: `states`. Each revision of a slate is a slate; `revisions`
    says how many of those compared are no first ones. They were decided from the same state, which is compared once.
    Slates of `campaigns` answer no event: there is nothing to decide them again from.
    """

    equal: int = 0
    differing: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    states_equal: int = 0
    states_differing: int = 0
    states_none: int = 0
    states_missing: int = 0
    revisions: int = 0
    repeats: int = 0
    campaigns: int = 0
    passes: int = 0
    differences: list[Differing] = field(default_factory=list)
    _digests: dict[tuple[str, int], bytes] = field(default_factory=dict, repr=False)

    @property
    def compared(self) -> int:
        """Count the slates that were decided again."""
        return self.equal + self.differing

    @property
    def proven(self) -> bool:
        """Say whether something was compared and nothing differs."""
        return self.compared > 0 and not self.differing and not self.states_differing

    def slate(self, slate_id: str, again: bytes, first: Difference | None, *, revision: int = 0) -> None:
        """Count a slate that was decided again; `again` are its bytes but for the time of deciding."""
        self._digests[slate_id, revision] = hashlib.blake2b(again, digest_size=16).digest()
        self.revisions += revision > 0
        if first is None:
            self.equal += 1
        else:
            self.differing += 1
            self._keep(Differing(slate_id, "slate", first, revision))

    def state(self, slate_id: str, first: Difference | None) -> None:
        """Count a state that was rebuilt."""
        if first is None:
            self.states_equal += 1
        else:
            self.states_differing += 1
            self._keep(Differing(slate_id, "state", first))

    def _keep(self, one: Differing) -> None:
        if len(self.differences) < SHOWN:
            self.differences.append(one)

    @property
    def hash(self) -> str:
        """Name everything that was decided again: the same whatever the order, and however partitions were shared."""
        sha = hashlib.sha256()
        for (slate_id, _), digest in sorted(self._digests.items()):
            sha.update(slate_id.encode() + digest)
        return sha.hexdigest()

    def plain(self) -> dict[str, Any]:
        """Give the report for scripts."""
        return {
            "compared": self.compared,
            "equal": self.equal,
            "differing": self.differing,
            "missing": dict(self.missing),
            "other": dict(self.other),
            "states": {
                "equal": self.states_equal,
                "differing": self.states_differing,
                "none": self.states_none,
                "missing": self.states_missing,
            },
            "revisions": self.revisions,
            "repeats": self.repeats,
            "campaigns": self.campaigns,
            "passes": self.passes,
            "differences": [
                {"slate_id": one.slate_id, "revision": one.revision, "what": one.what, **one.first._asdict()}
                for one in self.differences
            ],
            "hash": self.hash,
        }


def undated(slate: bytes) -> bytes:
    """Write a slate without the time of deciding, the one thing that may differ."""
    plain = orjson.loads(slate)
    plain.pop("decided_at", None)
    return orjson.dumps(plain)
