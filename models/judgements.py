"""What the language model thinks of products, as a fold of `judgements`, and what a slate makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.catalogue import NO_OFFER, Catalogue
from models.facts import FactTable
from models.intent import JudgementKey
from models.prompt import VERSION
from models.wording import word
from schemas.judgements import JudgementTable
from schemas.record import epoch_ms

HALF_SPAN = 10.0
"""Scores are 0..10: less their mean and over this they are -1..1."""


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
        placements: those whose slates are judged.
    """

    model: str = "gpt-4.1-mini"
    prompt_version: str = VERSION
    ttl_ms: int = 7 * 86_400_000
    of: int = 20
    covered: int = 16
    asked: int = 100
    placements: tuple[str, ...] = ("home",)


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


class _Table(NamedTuple):
    """One key's judgements: by item its score, what it was judged by, and when; and the mean of all scores."""

    entries: dict[str, tuple[float, str, int]]
    mean: float


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
        self._stamps: dict[str, str] = {}
        self._changed: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._tables)

    def put(self, key: bytes, table: JudgementTable) -> None:
        """Take a key's newest table."""
        if (table.model, table.prompt_version) != (self.rules.model, self.rules.prompt_version) or not table.scores:
            self.remove(key)
            return
        entries = {
            item: (one.score, f"{one.text_hash}/{one.price_band}", epoch_ms(one.judged_at))
            for item, one in table.scores.items()
        }
        self._tables[key] = _Table(entries, sum(score for score, _, _ in entries.values()) / len(entries))
        self._changed.add(key)

    def remove(self, key: bytes) -> None:
        """Forget a key's table; unknown ones are ignored."""
        self._tables.pop(key, None)

    def forget_wording(self, item: str) -> None:
        """Read anew what a model would read of an item; to be called when the catalogue's record changes."""
        self._stamps.pop(item, None)

    def news(self) -> set[bytes]:
        """Give the keys whose tables have come since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed

    def missing(self, key: JudgementKey, rows: np.ndarray, at_ms: int) -> list[str]:
        """List the items among these rows, in their order, that can be judged and are not."""
        entries = self._entries(key)
        return [
            item
            for row in rows.tolist()
            if (item := self._facts.names[row])
            and (stamp := self._stamp(item))
            and not self._holds(entries, item, stamp, at_ms)
        ]

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
        first = [self._facts.names[row] for row in best[: self.rules.of].tolist()]
        hits = tuple(self._count(key, first, at_ms) for key in keys)
        least = self.needed(len(first))
        covering = [place for place, found in enumerate(hits) if found >= least]
        most = max(range(len(keys)), key=lambda place: (hits[place], -place))
        used = covering[0] if covering else most if hits[most] else -1
        return Judged(tuple(keys), used, hits, len(first), best)

    def needed(self, of: int) -> int:
        """Say how many of so many best candidates make a slate covered."""
        return max(1, -(-of * self.rules.covered // self.rules.of))

    def covered(self, judged: Judged, place: int) -> bool:
        """Say whether one of the keys covers the candidates."""
        return judged.hits[place] >= self.needed(judged.of)

    def cover(self, keys: Sequence[JudgementKey], items: Sequence[str], at_ms: int) -> bool:
        """Say whether any of these keys covers the items."""
        least = self.needed(len(items))
        return any(self._count(key, items, at_ms) >= least for key in keys)

    def columns(self, key: JudgementKey, rows: np.ndarray, at_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Say what a table makes of candidates.

        Args:
            key: of the table.
            rows: int32, shape (n,), of the fact table.
            at_ms: the moment, ms since 1970.

        Returns:
            scores less the table's mean, -1..1, 0 where missing; and 1 where missing: float32, shape (n,) each.
        """
        table, names = self._tables[key.encode()], self._facts.names
        scores, absent = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
        for place, row in enumerate(rows.tolist()):
            item = names[row]
            if item in table.entries and self._holds(table.entries, item, self._stamp(item), at_ms):
                scores[place] = round((table.entries[item][0] - table.mean) / HALF_SPAN, 4)
                absent[place] = 0.0
        return scores, absent

    def _judgeable(self, rows: np.ndarray) -> np.ndarray:
        """Keep the best rows that can be shown and read: what cannot be judged is not waited for."""
        some = rows[self._facts.offer[rows] != NO_OFFER][: 2 * self.rules.asked].tolist()
        readable = [row for row in some if self._stamp(self._facts.names[row])]
        return np.array(readable[: self.rules.asked], np.int32)

    def _count(self, key: JudgementKey, items: Sequence[str], at_ms: int) -> int:
        entries = self._entries(key)
        return sum(self._holds(entries, item, self._stamp(item), at_ms) for item in items) if entries else 0

    def _entries(self, key: JudgementKey) -> Mapping[str, tuple[float, str, int]]:
        table = self._tables.get(key.encode())
        return table.entries if table else {}

    def _holds(self, entries: Mapping[str, tuple[float, str, int]], item: str, stamp: str, at_ms: int) -> bool:
        entry = entries.get(item)
        return entry is not None and entry[1] == stamp and at_ms - entry[2] < self.rules.ttl_ms

    def _stamp(self, item: str) -> str:
        """Name what a model would read of an item now, "" for nothing."""
        if item not in self._stamps:
            product = self._catalogue.get(self._facts.speakers[self._facts.row(item)])
            worded = word(product) if product else None
            self._stamps[item] = f"{worded.text_hash}/{worded.price_band}" if worded else ""
        return self._stamps[item]
