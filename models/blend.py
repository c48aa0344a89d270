"""The blend: River's online logistic regression over what all sources say of a candidate."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from models.items import State
from models.kernel import compiled
from schemas.learning import TrainingRow

SOURCES = (
    "session_knn", "covisitation", "factors", "history", "popular", "together", "content", "words", "new",
)  # fmt: skip
EXTRAS = ("in_session", "last", "times_shown", "cold", "same_category", "price_ratio", "shown_rank")
"""`shown_rank` is known in training only (the position a click had); it is 0 in serving."""

PRIOR = {
    "session_knn": 4.0,
    "history": 2.8,
    "covisitation": 2.0,
    "together": 2.0,
    "content": 1.2,
    "words": 1.2,
    "factors": 1.2,
    "popular": 0.4,
    "new": 0.1,
}
"""Weights of score / max per source before anything is learned; the best untrained blend measured, as log-odds."""

INTERCEPT = -3.0
"""Pairs say nothing of the level; this keeps scores away from both ends of 0..1."""

LIMIT = 60_000.0
"""Training rows travel as float16."""


class Scored(NamedTuple):
    """Candidates of one source, best first, ties by item; `scores` is float32, finite."""

    items: list[str]
    scores: np.ndarray


def rows_of(found: Mapping[str, Scored], items: Sequence[str]) -> dict[str, np.ndarray]:
    """Give per source the place of its candidates among `items`: int64, -1 for those that are not there."""
    row_of = {item: row for row, item in enumerate(items)}.get
    return {
        source: np.fromiter(map(row_of, scored.items, itertools.repeat(-1)), np.int64, len(scored.items))
        for source, scored in found.items()
        if scored.items
    }


@compiled
def _fill(features: np.ndarray, rows: np.ndarray, scores: np.ndarray, first: int) -> None:
    """Write a source's three columns: present, 1 / sqrt(rank), score / max."""
    top = scores[0] if len(scores) > 0 else np.float32(0.0)
    for t in range(len(rows)):
        row = rows[t]
        if row >= 0:
            features[row, first] = 1.0
            features[row, first + 1] = 1.0 / math.sqrt(t + 1.0)
            features[row, first + 2] = max(np.float32(0.0), scores[t] / top) if top > 0.0 else 0.0


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
    that being found is a fault (measured: HR@20 .59 instead of .66).

    Args:
        first: rows learned before the learned weights count at all.
        lr: AdaGrad's step.
    """

    VERSION = "blend-1"
    FEATURES: tuple[str, ...] = (
        *(f"{source}.{part}" for source in SOURCES for part in ("present", "rank", "share")),
        *EXTRAS,
    )

    def __init__(self, *, first: int = 300, lr: float = 0.1) -> None:
        self.first = first
        self.learned = 0
        self.missed = 0
        self.refused = 0
        self._river = _logistic(lr)
        self._prior = np.array([_prior_of(name) for name in self.FEATURES])
        self._weights = self._prior

    def features(
        self, found: Mapping[str, Scored], items: Sequence[str], extra: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Describe candidates.

        Args:
            found: candidates by source; sources that are not features are passed over.
            items: whom to describe; those a source does not have get zeros there.
            extra: columns by name, shape (len(items),) each; what is missing or not finite is 0.

        Returns:
            float32, shape (len(items), len(FEATURES)), finite.
        """
        return self.features_at(rows_of(found, items), found, len(items), extra)

    def features_at(
        self, rows: Mapping[str, np.ndarray], found: Mapping[str, Scored], count: int, extra: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Describe candidates whose place among the described is known already.

        Args:
            rows: per source int64, the row of each of its candidates, -1 for those that are not described.
            found: candidates by source.
            count: how many are described.
            extra: columns by name, as in `features`.
        """
        table = np.zeros((count, len(self.FEATURES)), np.float32)
        for at, source in enumerate(SOURCES):
            if source in rows:
                _fill(table, rows[source], np.ascontiguousarray(found[source].scores, np.float32), 3 * at)
        for at, name in enumerate(EXTRAS, 3 * len(SOURCES)):
            if name in extra:
                table[:, at] = extra[name]
        extras = table[:, 3 * len(SOURCES) :]
        if not np.isfinite(extras).all():
            np.nan_to_num(extras, copy=False, nan=0.0, posinf=LIMIT, neginf=-LIMIT)
        return table

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
        if row.version != self.VERSION or row.columns != len(self.FEATURES):
            self.refused += 1
            return False
        try:
            table = row.array()
        except ValueError:
            self.refused += 1
            return False
        if not table[0, : 3 * len(SOURCES) : 3].any():
            self.missed += 1
            return True
        for values in (table[0] - table[1:]).tolist():
            more = {name: value for name, value in zip(self.FEATURES, values, strict=True) if value}
            self._river.learn_one(more, True, w=row.weight)
        self.learned += 1
        self._export()
        return True

    def _export(self) -> None:
        share = min(1.0, max(0.0, (self.learned - self.first) / (3 * self.first)))
        if share:
            weights = self._river.weights
            mine = np.array([weights.get(name, 0.0) for name in self.FEATURES])
            self._weights = (1 - share) * self._prior + share * mine

    @property
    def weights(self) -> dict[str, float]:
        """The weights in use by feature name, for explanations."""
        return dict(zip(self.FEATURES, self._weights.tolist(), strict=True))

    def state(self) -> State:
        """Return what decides predictions: River's weights and AdaGrad's sums, in feature order."""
        weights = self._river.weights
        squares = self._river.optimizer.g2
        return {
            "learned": np.array([self.learned], np.int64),
            "known": np.array([name in weights for name in self.FEATURES]),
            "weights": np.array([weights.get(name, 0.0) for name in self.FEATURES]),
            "squares": np.array([squares.get(name, 0.0) for name in self.FEATURES]),
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        from river.utils import VectorDict

        known = state["known"].tolist()
        for name, have, square in zip(self.FEATURES, known, state["squares"].tolist(), strict=True):
            if have:
                self._river.optimizer.g2[name] = square
        pairs = zip(self.FEATURES, known, state["weights"].tolist(), strict=True)
        self._river._weights = VectorDict({name: w for name, have, w in pairs if have})  # noqa: SLF001  no other way in
        self.learned = int(state["learned"][0])
        self._export()


def _prior_of(feature: str) -> float:
    source, _, part = feature.partition(".")
    return PRIOR.get(source, 0.0) if part == "share" else 0.0


def _logistic(lr: float) -> Any:
    from river import linear_model, optim

    return linear_model.LogisticRegression(optimizer=optim.AdaGrad(lr), intercept_lr=0.0)
