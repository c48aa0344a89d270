"""Session BPR: factors of items alone, learned click by click against what else is popular now."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from river.reco.base import Ranker

from models.bpr import best, learn
from models.items import State
from models.kernel import grown

START_ROWS = 64

GONE = -1
"""Stands among the latest events for an item that was dropped."""

Numbers = Mapping[str, Sequence[int]]
"""River's `x`: under `context`, what the session looked at, oldest first, as numbers of the item registry."""


class SessionBpr(Ranker):
    """What follows a session, by vectors of items: one table, tied, and no rows for people.

    A session is the decayed sum of its last items' vectors over the root of the weights' sum; the item that follows is
    to score above items drawn from the latest events, by logistic loss of the difference. Asking never adds a row: an
    item that was never learned scores 0.

    River's contract, with numbers of the item registry for items; `user` is not kept, since a session is what `x` says.

    Args:
        cap: most items.
        factors: length of the vectors, a multiple of 16; 128 measured well above 64.
        negatives: drawn per event; 10-20.
        lr: SGD step; .05-.1, while .3 diverges.
        l2: shrinks what a step touches.
        context: latest items of a session that count.
        decay: of an item's weight per place, 0..1.
        ring: latest events that negatives are drawn from, so that they are as popular as what is wanted.
        seed: of the generator, which is part of the state; not 0.

    Source: Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009; the tied item vectors
    follow Kabbur et al., FISM: Factored Item Similarity Models for Top-N Recommender Systems, KDD 2013.
    """

    def __init__(
        self, *, cap: int, factors: int, negatives: int, lr: float, l2: float, context: int, decay: float, ring: int,
        seed: int,
    ) -> None:  # fmt: skip
        super().__init__(seed)
        self.cap = cap
        self.factors = factors
        self.negatives = negatives
        self.lr = lr
        self.l2 = l2
        self.context = context
        self.decay = decay
        self.ring = ring
        self.events = 0
        self.latest = np.zeros(ring, np.int32)
        self.vectors = np.zeros((START_ROWS, factors), np.float32)
        self.biases = np.zeros(START_ROWS, np.float32)
        self.live = np.zeros(START_ROWS, np.bool_)
        self._seen = np.zeros(START_ROWS, np.bool_)
        self._random = np.array([seed], np.uint64)

    @property
    def is_contextual(self) -> bool:
        """Say that `x` counts, as River asks."""
        return True

    def learn_one(self, user: object, item: int, y: float = 1.0, x: Numbers | None = None) -> None:  # noqa: ARG002
        """Learn that an item followed a session.

        Args:
            user: not kept.
            item: what followed.
            y: its weight, 0..1: less for a click that our own slate brought about.
            x: the session before it; without any, the item only counts as one to draw.
        """
        recent = self._recent(x)
        self.grow(max(item, *recent) + 1 if recent else item + 1)
        learn(
            self.vectors, self.biases, self.live, self.latest, min(self.events, self.ring), item,
            np.array(recent, np.int32), self.negatives, self.lr * y, self.l2, self.decay, self._random,
        )  # fmt: skip
        self.latest[self.events % self.ring] = item
        self.events += 1

    def predict_one(self, user: object, item: int, x: Numbers | None = None) -> float:  # noqa: ARG002
        """Score one item after a session; 0.0 for an item or session it does not know."""
        return self._scores([item], x).get(item, 0.0)

    def rank(self, user: object, items: Iterable[int], x: Numbers | None = None) -> list[int]:  # noqa: ARG002
        """Order items, best first, equal scores by the smaller number."""
        asked = list(items)
        scores = self._scores(asked, x)
        return sorted(asked, key=lambda item: (-scores.get(item, 0.0), item))

    def best(
        self, recent: np.ndarray, items: np.ndarray, limit: int, *, most: int, above: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Select the best of some items.

        Args:
            recent: int32, shape (n,), most recent first.
            items: int32, shape (m,); may repeat and hold what is not known.
            limit: at most this many.
            most: look at the first so many known ones only.
            above: only items that score more.

        Returns:
            ids int32 and scores float32, best first.
        """
        known = recent[recent < len(self.live)][: self.context]
        return best(
            self.vectors, self.biases, self.live, known, items, self.decay, self._seen, most, above, limit
        )  # fmt: skip

    def _scores(self, items: Sequence[int], x: Numbers | None) -> dict[int, float]:
        recent, asked = np.array(self._recent(x), np.int32), np.array(items, np.int32)
        ids, scores = self.best(recent, asked, len(items), most=len(items), above=-math.inf)
        return dict(zip(ids.tolist(), scores.tolist(), strict=True))

    def _recent(self, x: Numbers | None) -> Sequence[int]:
        """Return what counts of a session, most recent first."""
        return x["context"][: -self.context - 1 : -1] if x else ()

    def drop(self, gone: np.ndarray) -> None:
        """Forget items; `gone` is bool, shape (rows,)."""
        self.grow(len(gone))
        for table in (self.vectors, self.biases, self.live):
            table[: len(gone)][gone] = 0
        latest = self.latest[: min(self.events, self.ring)]
        latest[(latest >= 0) & gone[latest]] = GONE

    def grow(self, rows: int) -> None:
        """Make room for so many rows of the item registry."""
        if rows > len(self.live):
            self.vectors = grown(self.vectors, rows, self.cap)
            self.biases = grown(self.biases, rows, self.cap)
            self.live = grown(self.live, rows, self.cap)
            self._seen = np.zeros(len(self.live), np.bool_)

    def state(self) -> State:
        """Return what decides predictions: the rows in use only."""
        return {
            "live": np.trim_zeros(self.live, "b"),
            "vectors": self.vectors[self.live],
            "biases": self.biases[self.live],
            "latest": self.latest[: min(self.events, self.ring)],
            "events": np.array([self.events], np.int64),
            "random": self._random,
        }

    def restore(self, state: State) -> None:
        """Take over a state that `state` returned."""
        rows = len(state["live"])
        self.grow(rows)
        self.live[:rows] = state["live"]
        self.vectors[self.live] = state["vectors"]
        self.biases[self.live] = state["biases"]
        self.latest[: len(state["latest"])] = state["latest"]
        self.events = int(state["events"][0])
        self._random[:] = state["random"]
