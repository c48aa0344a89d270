"""The blend: River's online logistic regression over what all sources say of a candidate."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from models.items import State
from models.kernel import compiled
from models.ranked import NONE, Ranked
from schemas.learning import TrainingRow

SOURCES = (
    "session", "session_knn", "covisitation", "transitions", "session_bpr", "factors", "history", "popular", "together",
    "basket_knn", "content", "words", "new",
)  # fmt: skip
EXTRAS = (
    "in_session", "last", "before_last", "third_last", "times_shown", "cold", "popularity", "same_category",
    "price_ratio", "shown_rank", "judged", "unjudged",
)  # fmt: skip
"""`shown_rank` is filled in training only, with the attention 0..1 that the rank on a clicked slate gets; it is 0 in
serving, and for what was not on the slate. `judged` is a language model's score less its table's mean, -1..1, and
`unjudged` 1 where a table says nothing of a candidate; both are 0 without a table."""

JUDGED_FLOOR = 6.0
"""Weight of `judged` before anything is known of its worth: between two products the judge holds six of ten points
apart, it says about as much as the nearest sessions say for their favourite."""

PRIOR = {
    "session_knn": 4.0,
    "history": 2.8,
    "covisitation": 2.0,
    "transitions": 1.0,
    "session": 1.0,
    "session_bpr": 1.2,
    "together": 2.0,
    "basket_knn": 2.0,
    "content": 1.2,
    "words": 1.2,
    "factors": 1.2,
    "popular": 0.4,
    "new": 0.1,
}
"""Weights of score / max per source before anything is learned; the best untrained blend measured, as log-odds."""

INTERCEPT = -3.0
"""Pairs say nothing of the level; this keeps scores away from both ends of 0..1."""

FEATURES: tuple[str, ...] = (
    *(f"{source}.{part}" for source in SOURCES for part in ("present", "rank", "share")),
    *EXTRAS,
)
"""Columns, in order."""

FIRST_EXTRA = 3 * len(SOURCES)

JUDGED, UNJUDGED = FEATURES.index("judged"), FEATURES.index("unjudged")

_COLUMN = {source: 3 * at for at, source in enumerate(SOURCES)}


@compiled
def _fill(
    features: np.ndarray,
    shares: np.ndarray,
    place: np.ndarray,
    scores: np.ndarray,
    first: np.ndarray,
    columns: np.ndarray,
) -> None:
    """Write each source's three columns: present, 1 / sqrt(rank), score / max; -1 as column only keeps the share."""
    for source in range(len(columns)):
        start, column = first[source], columns[source]
        top = scores[start] if first[source + 1] > start else np.float32(0.0)
        for t in range(start, first[source + 1]):
            share = max(np.float32(0.0), scores[t] / top) if top > 0.0 else np.float32(0.0)
            row = place[t]
            shares[source, row] = share
            if column >= 0:
                features[row, column] = 1.0
                features[row, column + 1] = 1.0 / math.sqrt(t - start + 1.0)
                features[row, column + 2] = share


@compiled
def _join(ids: np.ndarray, more: int) -> tuple[np.ndarray, np.ndarray]:
    """List each id once, in order of first appearance, and `more` at the end unless negative; and each one's place."""
    size = 16
    while size < 2 * len(ids):
        size *= 2
    at = np.full(size, -1, np.int32)  # an open hash of places
    found = np.empty(len(ids) + 1, np.int32)
    place = np.empty(len(ids), np.int32)
    count = 0
    known = more < 0
    for t in range(len(ids)):
        slot = (ids[t] * 40503) & (size - 1)
        while at[slot] >= 0 and found[at[slot]] != ids[t]:
            slot = (slot + 1) & (size - 1)
        if at[slot] < 0:
            at[slot] = count
            found[count] = ids[t]
            count += 1
        place[t] = at[slot]
        known = known or ids[t] == more
    if not known:
        found[count] = more
        count += 1
    return found[:count], place


class Described(NamedTuple):
    """All candidates of one moment.

    Args:
        ids: int32, shape (n,), distinct, in order of first appearance.
        features: float32, shape (n, len(FEATURES)), finite; the columns of `EXTRAS` are the caller's to fill.
        sources: names of the rows of `shares`.
        shares: float32, shape (len(sources), n): scores as shares 0..1 of their source's best, 0 for none.
    """

    ids: np.ndarray
    features: np.ndarray
    sources: tuple[str, ...]
    shares: np.ndarray


def describe(found: Mapping[str, Ranked], *, also: int = -1) -> Described:
    """Join the sources' candidates and write what the sources say of each.

    Args:
        found: candidates by source; those that are not among `SOURCES` are joined without being features.
        also: one more id, described as the last of them unless a source has it.
    """
    sources = tuple(found)
    first = np.zeros(len(sources) + 1, np.int64)
    np.cumsum([len(ranked.ids) for ranked in found.values()], out=first[1:])
    ids = np.concatenate([NONE.ids, *(ranked.ids for ranked in found.values())])
    scores = np.concatenate([NONE.scores, *(ranked.scores for ranked in found.values())])
    columns = np.array([_COLUMN.get(source, -1) for source in sources], np.int64)
    joined, place = _join(ids, also)
    features = np.zeros((len(joined), len(FEATURES)), np.float32)
    shares = np.zeros((len(sources), len(joined)), np.float32)
    _fill(features, shares, place, scores, first, columns)
    return Described(joined, features, sources, shares)


@compiled
def _score(features: np.ndarray, weights: np.ndarray, intercept: float) -> np.ndarray:
    """Return the logistic of each row's dot product, summed in column order whatever the number of rows."""
    scores = np.empty(len(features), np.float32)
    for row in range(len(features)):
        logit = intercept
        for column in range(features.shape[1]):
            logit += features[row, column] * weights[column]
        scores[row] = 1.0 / (1.0 + math.exp(-logit))
    return scores


class Blend:
    """Score candidates by all sources at once.

    Until `first` training rows the weights are the prior's (a mix of score / max); over the next `first` x 3 they move
    linearly to those of River's `LogisticRegression` with AdaGrad, learned pairwise: the chosen item's features less
    those of each negative. A chosen item that no source had is counted in `missed` and teaches nothing: it would teach
    that being found is a fault (measured: HR@20 .59 instead of .66). The judgements' weights move in the same way by
    the rows that had judgements: where a language model is switched on late, it begins with its floor; where it does
    not help, it ends without a say.

    Args:
        first: rows learned before the learned weights count at all.
        lr: AdaGrad's step.
    """

    VERSION = "blend-3"

    def __init__(self, *, first: int = 300, lr: float = 0.1) -> None:
        self.first = first
        self.learned = 0
        self.learned_judged = 0
        self.missed = 0
        self.refused = 0
        self._river = _logistic(lr)
        self._prior = np.array([_prior_of(name) for name in FEATURES])
        self._weights = self._prior

    def score(self, features: np.ndarray) -> np.ndarray:
        """Score candidates.

        Args:
            features: float32, shape (n, len(FEATURES)).

        Returns:
            float32, shape (n,), 0..1, comparable within one query. A row's score does not depend on the other rows.
        """
        return _score(np.ascontiguousarray(features, np.float32), self._weights, INTERCEPT)

    def learn_one(self, row: TrainingRow) -> bool:
        """Learn one chosen item (row 0) and its negatives; False for a row of another version or shape."""
        if row.version != self.VERSION or row.columns != len(FEATURES):
            self.refused += 1
            return False
        try:
            table = row.array()
        except ValueError:
            self.refused += 1
            return False
        if not table[0, :FIRST_EXTRA:3].any():
            self.missed += 1
            return True
        for values in (table[0] - table[1:]).tolist():
            more = {name: value for name, value in zip(FEATURES, values, strict=True) if value}
            self._river.learn_one(more, True, w=row.weight)
        self.learned += 1
        self.learned_judged += bool(table[:, JUDGED : UNJUDGED + 1].any())
        self._export()
        return True

    def _export(self) -> None:
        if self.learned <= self.first:
            return
        weights = self._river.weights
        mine = np.array([weights.get(name, 0.0) for name in FEATURES])
        share = np.full(len(FEATURES), self._share(self.learned))
        share[[JUDGED, UNJUDGED]] = self._share(self.learned_judged)
        self._weights = (1 - share) * self._prior + share * mine

    def _share(self, rows: int) -> float:
        """Say how far weights learned from so many rows count, 0..1."""
        return min(1.0, max(0.0, (rows - self.first) / (3 * self.first)))

    @property
    def weights(self) -> dict[str, float]:
        """The weights in use by feature name, for explanations."""
        return dict(zip(FEATURES, self._weights.tolist(), strict=True))

    def state(self) -> State:
        """Return what decides predictions: River's weights and AdaGrad's sums, in feature order."""
        weights = self._river.weights
        squares = self._river.optimizer.g2
        return {
            "learned": np.array([self.learned, self.learned_judged], np.int64),
            "known": np.array([name in weights for name in FEATURES]),
            "weights": np.array([weights.get(name, 0.0) for name in FEATURES]),
            "squares": np.array([squares.get(name, 0.0) for name in FEATURES]),
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        from river.utils import VectorDict

        known = state["known"].tolist()
        for name, have, square in zip(FEATURES, known, state["squares"].tolist(), strict=True):
            if have:
                self._river.optimizer.g2[name] = square
        pairs = zip(FEATURES, known, state["weights"].tolist(), strict=True)
        self._river._weights = VectorDict({name: w for name, have, w in pairs if have})  # noqa: SLF001  no other way in
        self.learned, self.learned_judged = state["learned"].tolist()
        self._export()


def _prior_of(feature: str) -> float:
    if feature == "judged":
        return JUDGED_FLOOR
    source, _, part = feature.partition(".")
    return PRIOR.get(source, 0.0) if part == "share" else 0.0


def _logistic(lr: float) -> Any:
    from river import linear_model, optim

    return linear_model.LogisticRegression(optimizer=optim.AdaGrad(lr), intercept_lr=0.0)
