"""What the language model thinks of products, as a fold of `judgements`, and what a slate makes of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.catalogue import NO_OFFER, Catalogue
from models.facts import FIRST_ROWS, FactTable
from models.intent import JudgementKey
from models.judged_table import ASK, UNREAD, JudgedTable, hold, stamp_of
from models.prompt import VERSION
from models.wording import word
from schemas.judgements import JudgementTable

UNREADABLE = -1
"""Stamp of a row with nothing there that a prompt may name."""


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
        self._tables: dict[bytes, JudgedTable] = {}
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
            self._tables[key] = JudgedTable(table)
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

    def _holding(self, table: JudgedTable, rows: np.ndarray, at_ms: int) -> np.ndarray:
        since_ms, known = at_ms - self.rules.ttl_ms, table.rows(self._facts)
        places, unread = hold(rows, *known, self._stamps, table.stamps, table.judged_ms, since_ms)
        if unread:
            self._read(rows[places == ASK])
            places, _ = hold(rows, *known, self._stamps, table.stamps, table.judged_ms, since_ms)
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
            stamp = stamp_of(worded.text_hash, worded.price_band) if worded else UNREADABLE
            stamps[place] = self._stamps[row] = stamp
        return stamps
