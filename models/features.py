"""What the blend looks at besides the sources, and the candidates of one event with all that is known of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from models.blend import FEATURES, JUDGED, UNJUDGED, Blend, Described, describe
from models.first_look import first_look, knows_nobody
from models.intent import keys_of
from models.judgements import NOT_JUDGED, Judged
from models.kernel import compiled
from models.knowledge import Knowledge
from models.ranked import Ranked
from models.session import Context

COLD_BELOW = 5
"""A product with fewer learned events than this is cold."""

_IN_SESSION, _LAST, _SHOWN, _COLD, _POPULARITY, _CATEGORY, _PRICE = (
    FEATURES.index(name)
    for name in ("in_session", "last", "times_shown", "cold", "popularity", "same_category", "price_ratio")
)
assert FEATURES[_LAST : _LAST + 3] == ("last", "before_last", "third_last"), "told by how far the session is past it"


@dataclass(frozen=True)
class Candidates:
    """The candidates of one event, shared by its placements.

    Args:
        rows: int32, shape (n,), of the fact table, in order of first appearance.
        sources: the names of the rows of `shares`.
        shares: float32, shape (len(sources), n): scores as shares 0..1 of their source's best, 0 for none.
        relevance: float64, shape (n,): the blend's score stretched to 0..1, less fatigue comes later.
        times_shown: float64, shape (n,): impressions without a click.
        viewed: bool, shape (n,): the session has looked at it; of a group the variant that was seen is shown.
        judged: what the language model's judgements make of them.
        asked: the variant to show of candidates that had to be asked for, by place; None where none can be bought.
    """

    rows: np.ndarray
    sources: tuple[str, ...]
    shares: np.ndarray
    relevance: np.ndarray
    times_shown: np.ndarray
    viewed: np.ndarray
    judged: Judged = NOT_JUDGED
    asked: dict[int, str | None] = field(default_factory=dict)

    def of_source(self, source: str) -> np.ndarray:
        """Give the places of a source's candidates: bool, shape (n,)."""
        if source not in self.sources:
            return np.zeros(len(self.rows), np.bool_)
        return self.shares[self.sources.index(source)] > 0


def score(found: Mapping[str, Ranked], context: Context, knowledge: Knowledge) -> Candidates:
    """Join the sources' candidates, rows of the fact table, and score them with the blend."""
    described, judged = judged_candidates(found, context, knowledge)
    features = described.features
    raw = raw_scores(described, context, knowledge.model.blend).astype(np.float64)
    low, high = (raw.min(), raw.max()) if len(raw) else (0.0, 0.0)
    relevance = (raw - low) / (high - low) if high > low else np.ones(len(raw))
    return Candidates(
        rows=described.ids,
        sources=described.sources,
        shares=described.shares,
        relevance=relevance,
        times_shown=np.expm1(features[:, _SHOWN].astype(np.float64)),
        viewed=features[:, _IN_SESSION] > 0,
        judged=judged,
    )


def raw_scores(described: Described, context: Context, blend: Blend) -> np.ndarray:
    """Score candidates with a blend, or by the sources alone where nothing is known of the visitor: float32, (n,)."""
    if knows_nobody(described.sources, (*context.steps, *context.profile_items)):
        return first_look(described.sources, described.shares)
    return blend.score(described.features)


def candidates_of(found: Mapping[str, Ranked], context: Context, knowledge: Knowledge, *, also: int = -1) -> Described:
    """Join the sources' candidates and describe them; see `judged_candidates`. Without tables nothing is looked up."""
    described = _described(found, context, knowledge, also)
    if len(knowledge.judgements):
        _judge(described, context, knowledge)
    return described


def judged_candidates(
    found: Mapping[str, Ranked], context: Context, knowledge: Knowledge, *, also: int = -1
) -> tuple[Described, Judged]:
    """Join the sources' candidates and describe them, the extras among the features included.

    The extras: `in_session`, `last`, `before_last`, `third_last` (0/1: the session's products from its end),
    `times_shown` (log1p of impressions without a click), `cold` (0/1), `popularity` (log1p of learned events / 8),
    `same_category` (share of the session's views in the leaf category, 0..1), `price_ratio` (log of price over the
    session's mean price, clipped to -2..2, 0 where unknown), `judged` and `unjudged` (see `models.judgements`).

    Args:
        found: rows of the fact table by source.
        context: the visitor.
        knowledge: the catalogue and the model.
        also: one more row to describe, -1 for none.
    """
    described = _described(found, context, knowledge, also)
    return described, _judge(described, context, knowledge)


def _described(found: Mapping[str, Ranked], context: Context, knowledge: Knowledge, also: int) -> Described:
    """Join the sources' candidates and describe them by everything but judgements."""
    described = describe(found, also=also)
    facts = knowledge.facts
    numbers = knowledge.crosswalk.numbers(described.ids)
    views = facts.rows_of(context.views)
    unclicked = {product_id: times for product_id, (times, _, clicked) in context.shown.items() if not clicked}
    shown = facts.rows_of(unclicked)
    times = np.array([math.log1p(times) for times in unclicked.values()], np.float32)
    counts = knowledge.model.counts_of(numbers)
    _look(described.features, described.ids, views, shown, times, counts, facts.leaf, facts.log_price)
    return described


def _judge(described: Described, context: Context, knowledge: Knowledge) -> Judged:
    """Look candidates up in the judgements, by their order without them, and write what was found.

    Nothing that is shown depends on how rows are numbered: equal scores stand in the order the sources gave.
    """
    keys = keys_of(context, knowledge.facets)
    if not keys:
        return NOT_JUDGED
    plain = np.round(knowledge.model.blend.score(described.features), 4)
    order = described.ids[np.argsort(-plain, kind="stable")]
    judged = knowledge.judgements.look_up(keys, order, context.at_ms)
    if judged.used >= 0:
        columns = knowledge.judgements.columns(keys[judged.used], described.ids, context.at_ms)
        described.features[:, JUDGED], described.features[:, UNJUDGED] = columns
    return judged


@compiled
def _mean_price(views: np.ndarray, log_price: np.ndarray) -> float:
    """Return the mean log of the known prices, NaN without any."""
    known, total = 0, 0.0
    for row in views:
        if not math.isnan(log_price[row]):
            known += 1
            total += log_price[row]
    return total / known if known > 0 else math.nan


@compiled
def _among(row: int, rows: np.ndarray) -> int:
    """Return the last place of a row, -1 where it is not."""
    for at in range(len(rows) - 1, -1, -1):
        if rows[at] == row:
            return at
    return -1


@compiled
def _alike(code: int, views: np.ndarray, leaf: np.ndarray) -> float:
    """Return the share of views in a category, 0 for none."""
    alike = 0
    for view in views:
        if leaf[view] == code:
            alike += 1
    return alike / len(views) if code > 0 and len(views) > 0 else 0.0


@compiled
def _look(
    features: np.ndarray,
    rows: np.ndarray,
    views: np.ndarray,
    shown: np.ndarray,
    times: np.ndarray,
    counts: np.ndarray,
    leaf: np.ndarray,
    log_price: np.ndarray,
) -> None:
    """Write the extras; row 0 is of everything unknown and like nothing."""
    usual = _mean_price(views, log_price)
    for t in range(len(rows)):
        row = rows[t]
        features[t, _COLD] = 1.0 if counts[t] < COLD_BELOW else 0.0
        features[t, _POPULARITY] = math.log1p(counts[t]) / 8.0
        if row == 0:
            continue
        place = _among(row, views)
        if place >= 0:
            features[t, _IN_SESSION] = 1.0
            if len(views) - place <= 3:
                features[t, _LAST + len(views) - place - 1] = 1.0
        features[t, _CATEGORY] = _alike(leaf[row], views, leaf)
        ratio = log_price[row] - usual
        features[t, _PRICE] = 0.0 if math.isnan(ratio) else min(2.0, max(-2.0, ratio))
        at = _among(row, shown)
        features[t, _SHOWN] = times[at] if at >= 0 else 0.0
