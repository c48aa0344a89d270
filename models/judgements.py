"""What the language model thinks of products, as a fold of `judgements`, and what a slate makes of it."""

import math
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.catalogue import NO_OFFER, Catalogue
from models.facts import FIRST_ROWS, FactTable
from models.intent import JudgementKey
from models.kernel import compiled, hash63
from models.prompt import VERSION
from models.wording import word
from schemas.judgements import JudgementTable
from schemas.record import epoch_ms

HALF_SPAN = 10.0
"""Scores are 0..10: less their mean and over this they are -1..1."""

UNREAD, UNREADABLE = 0, -1
"""Stamps of rows: not looked at since their product changed, and nothing there that a prompt may name."""

ASK = -2
"""Instead of a place: the row is still to be read."""


@dataclass(frozen=True)
class JudgingRules:
    """Constants of judgements.

    Args:
        model: the language model whose judgements count.
        prompt_version: the prompt whose judgements count.
        ttl_ms: a judgement is missing when it is older.
        of: so many of the best candidates say whether a slate is covered,
        covered: and so many of them must be judged.
        asked: so many of the best candidates are to be judged.
    """

    model: str = "gpt-4.1-mini"
    prompt_version: str = VERSION
    ttl_ms: int = 7 * 86_400_000
    of: int = 20
    covered: int = 16
    asked: int = 100


class Judged(NamedTuple):
    """What was found for the candidates of one event.

    Args:
        keys: what they are judged by, the finest first.
        used: the place among `keys` of the table in use, -1 for none.
        hits: by key, how many of the best candidates are judged; `of` is how many best there are.
        best: rows of the best candidates, best first by everything but judgements, int32.
    """

    keys: tuple[JudgementKey, ...]
    used: int
    hits: tuple[int, ...]
    of: int
    best: np.ndarray


NOT_JUDGED = Judged((), -1, (), 0, np.zeros(0, np.int32))


class _Table:
    """One key's judgements, in arrays: by item its score, what it was judged by, and when.

    Args:
        table: as it was written.
    """

    def __init__(self, table: JudgementTable) -> None:
        judged = table.scores.values()
        mean = math.fsum(one.score for one in judged) / len(judged)
        self.names = [sys.intern(item) for item in table.scores]  # the same items stand in many tables
        self.scores = np.array([one.score for one in judged])
        self.less_mean = np.array([round((one.score - mean) / HALF_SPAN, 4) for one in judged], np.float32)
        self.stamps = np.array([_stamp(one.text_hash, one.price_band) for one in judged], np.int64)
        self.judged_ms = np.array([epoch_ms(one.judged_at) for one in judged], np.int64)
        self._epoch = -1
        self._rows, self._order = np.zeros(0, np.int32), np.zeros(0, np.int64)

    def rows(self, facts: FactTable) -> tuple[np.ndarray, np.ndarray]:
        """Give the rows of the items, ascending, and each one's place in the arrays: int32 and int64."""
        if self._epoch != facts.epoch:
            found = np.fromiter(map(facts.row, self.names), np.int32, len(self.names))
            self._order = np.argsort(found)
            self._rows, self._epoch = found[self._order], facts.epoch
        return self._rows, self._order


class Judgements:
    """All tables, and which of their entries hold.

    An entry is missing when the product's text or price band has changed since, when it is older than the rules allow,
    or when another model or prompt made it.

    Args:
        catalogue: the products.
        facts: their rows.
        rules: constants.
    """

    def __init__(self, catalogue: Catalogue, facts: FactTable, rules: JudgingRules) -> None:
        self.rules = rules
        self._catalogue = catalogue
        self._facts = facts
        self._tables: dict[bytes, _Table] = {}
        self._stamps = np.zeros(FIRST_ROWS, np.int64)
        self._changed: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._tables)

    @property
    def keys(self) -> Collection[bytes]:
        """Name the keys that have a table."""
        return self._tables.keys()

    def put(self, key: bytes, table: JudgementTable) -> None:
        """Take a key's newest table."""
        self.remove(key)
        if (table.model, table.prompt_version) == (self.rules.model, self.rules.prompt_version) and table.scores:
            self._tables[key] = _Table(table)
            self._changed.add(key)

    def remove(self, key: bytes) -> None:
        """Forget a key's table; unknown ones are ignored."""
        self._tables.pop(key, None)
        self._changed.discard(key)

    def forget_wording(self, item: str) -> None:
        """Read anew what a model would read of an item; to be called before the facts of it change."""
        row = self._facts.row(item)
        if row < len(self._stamps):
            self._stamps[row] = UNREAD

    def news(self) -> set[bytes]:
        """Give the keys whose tables have come since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed

    def has(self, key: JudgementKey) -> bool:
        """Say whether a key was judged."""
        return key.encode() in self._tables

    def items(self, rows: np.ndarray) -> list[str]:
        """Name the items of rows."""
        return [self._facts.names[row] for row in rows.tolist()]

    def missing(self, key: JudgementKey, rows: np.ndarray, at_ms: int) -> list[str]:
        """List the items among these rows, in their order, that can be judged and are not."""
        readable = rows[self._read(rows) != UNREADABLE]
        return self.items(readable[self._places(key, readable, at_ms) < 0])

    def look_up(self, keys: Sequence[JudgementKey], rows: np.ndarray, at_ms: int) -> Judged:
        """Choose the table for candidates: the finest that covers the best of them, else the one that has most.

        Args:
            keys: what they are judged by, the finest first.
            rows: of the fact table, int32, best first by everything but judgements.
            at_ms: the moment, ms since 1970.
        """
        if not keys:
            return NOT_JUDGED
        best = self._judgeable(rows)
        first = best[: self.rules.of]
        hits = tuple(self._count(key, first, at_ms) for key in keys)
        least = self.needed(len(first))
        covering = [place for place, found in enumerate(hits) if found >= least]
        most = max(range(len(keys)), key=lambda place: (hits[place], -place))
        used = covering[0] if covering else most if hits[most] else -1
        return Judged(tuple(keys), used, hits, len(first), best)

    def needed(self, of: int) -> int:
        """Say how many of so many best candidates make a slate covered.

        >>> judgements = Judgements(Catalogue(), FactTable(), JudgingRules())
        >>> [judgements.needed(of) for of in (20, 10, 5, 1, 0)]
        [16, 8, 4, 1, 1]
        """
        return max(1, -(-of * self.rules.covered // self.rules.of))

    def covered(self, judged: Judged, place: int) -> bool:
        """Say whether one of the keys covers the candidates."""
        return judged.hits[place] >= self.needed(judged.of)

    def cover(self, keys: Sequence[JudgementKey], items: Sequence[str], at_ms: int) -> bool:
        """Say whether any of these keys covers the items, those that are gone left out."""
        there = np.array([row for item in items if (row := self._facts.row(item))], np.int32)
        least = self.needed(len(there))
        return any(self._count(key, there, at_ms) >= least for key in keys)

    def columns(self, key: JudgementKey, rows: np.ndarray, at_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Say what a table makes of candidates.

        Args:
            key: of a table that is there.
            rows: int32, shape (n,), of the fact table.
            at_ms: the moment, ms since 1970.

        Returns:
            scores less the table's mean, -1..1, 0 where missing; and 1 where missing: float32, shape (n,) each.
        """
        table = self._tables[key.encode()]
        places = self._holding(table, rows, at_ms)
        absent = places < 0
        return np.where(absent, np.float32(0.0), table.less_mean[places]), absent.astype(np.float32)

    def scores(self, key: JudgementKey, rows: np.ndarray, at_ms: int) -> list[float | None]:
        """Give the scores 0..10 of candidates as they were judged, None where missing."""
        table = self._tables.get(key.encode())
        found = self._places(key, rows, at_ms).tolist()
        return [None if table is None or place < 0 else float(table.scores[place]) for place in found]

    def _judgeable(self, rows: np.ndarray) -> np.ndarray:
        """Keep the best rows that can be shown and read: what cannot be judged is not waited for."""
        some = rows[self._facts.offer[rows] != NO_OFFER][: 2 * self.rules.asked]
        return some[self._read(some) != UNREADABLE][: self.rules.asked]

    def _count(self, key: JudgementKey, rows: np.ndarray, at_ms: int) -> int:
        table = self._tables.get(key.encode())
        return 0 if table is None else int(np.count_nonzero(self._holding(table, rows, at_ms) >= 0))

    def _places(self, key: JudgementKey, rows: np.ndarray, at_ms: int) -> np.ndarray:
        """Find the entries that hold of rows: int64, shape (len(rows),), places in the key's table, -1 for missing."""
        table = self._tables.get(key.encode())
        return np.full(len(rows), -1) if table is None else self._holding(table, rows, at_ms)

    def _holding(self, table: _Table, rows: np.ndarray, at_ms: int) -> np.ndarray:
        since_ms, known = at_ms - self.rules.ttl_ms, table.rows(self._facts)
        places, unread = _hold(rows, *known, self._stamps, table.stamps, table.judged_ms, since_ms)
        if unread:
            self._read(rows[places == ASK])
            places, _ = _hold(rows, *known, self._stamps, table.stamps, table.judged_ms, since_ms)
        return places

    def _read(self, rows: np.ndarray) -> np.ndarray:
        """Name what a model would read of rows now: int64, shape (len(rows),), stamps or `UNREADABLE`."""
        if len(self._stamps) < len(self._facts.offer):
            more = len(self._facts.offer) - len(self._stamps)
            self._stamps = np.concatenate([self._stamps, np.zeros(more, np.int64)])
        stamps = self._stamps[rows]
        for place in np.flatnonzero(stamps == UNREAD).tolist():
            row = rows[place]
            product = self._catalogue.get(self._facts.speakers[row])
            worded = word(product) if product else None
            stamp = _stamp(worded.text_hash, worded.price_band) if worded else UNREADABLE
            stamps[place] = self._stamps[row] = stamp
        return stamps


@compiled
def _hold(
    rows: np.ndarray,
    known: np.ndarray,
    order: np.ndarray,
    now: np.ndarray,
    judged: np.ndarray,
    judged_ms: np.ndarray,
    since_ms: int,
) -> tuple[np.ndarray, int]:
    """Look rows up among `known`, ascending: places of entries that hold, -1 for missing, `ASK` for not read yet."""
    places, unread = np.full(len(rows), -1, np.int64), 0
    for t in range(len(rows)):
        row = rows[t]
        at = np.searchsorted(known, row)
        if row == 0 or at == len(known) or known[at] != row:
            continue
        stamp = now[row] if row < len(now) else UNREAD
        if stamp == UNREAD:
            places[t] = ASK
            unread += 1
        elif stamp == judged[order[at]] and judged_ms[order[at]] > since_ms:
            places[t] = order[at]
    return places, unread


def _stamp(text_hash: str, price_band: str) -> int:
    """Name what was read of a product by a number above 0."""
    return hash63(f"{text_hash}/{price_band}") | 1
