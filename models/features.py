"""What the blend looks at besides the sources, and the candidates of one event with all that is known of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.blend import rows_of
from models.knowledge import Knowledge
from models.retrieval import Found
from models.session import Context
from schemas.products import Product

COLD_BELOW = 5
"""A product with fewer learned events than this is cold."""


@dataclass(frozen=True)
class Candidates:
    """The candidates of one event, shared by its placements.

    Args:
        items: sorted, so that a stable sort by score breaks ties by id.
        found: by source.
        sources: the names of the rows of `part`.
        part: float32, shape (len(sources), len(items)): scores as shares 0..1 of their source's best, 0 for none.
        relevance: float64, shape (len(items),): the blend's score stretched to 0..1, less fatigue comes later.
        times_shown: float32, shape (len(items),): impressions without a click.
        sellable: the variant to show of each item looked at so far, None where none can be bought.
    """

    items: list[str]
    found: Found
    sources: tuple[str, ...]
    part: np.ndarray
    relevance: np.ndarray
    times_shown: np.ndarray
    sellable: dict[str, Product | None] = field(default_factory=dict)


def score(found: Found, context: Context, knowledge: Knowledge) -> Candidates:
    """Join the sources' candidates and score them with the blend."""
    items = sorted(set().union(*(scored.items for scored in found.values())))
    rows = rows_of(found, items)
    extra = extras(items, context, knowledge)
    blend = knowledge.model.blend
    raw = blend.score(blend.features_at(rows, found, len(items), extra)).astype(np.float64)
    low, high = (raw.min(), raw.max()) if items else (0.0, 0.0)
    relevance = (raw - low) / (high - low) if high > low else np.ones(len(items))
    part = np.zeros((len(rows), len(items)), np.float32)
    for place, source in enumerate(rows):
        scores = found[source].scores
        if scores[0] > 0:
            part[place, rows[source]] = np.maximum(scores / scores[0], 0)
    return Candidates(items, found, tuple(rows), part, relevance, np.expm1(extra["times_shown"]))


def extras(items: Sequence[str], context: Context, knowledge: Knowledge) -> dict[str, np.ndarray]:
    """Compute the features that are not a source's.

    Returns:
        float32, shape (len(items),) each: `in_session` and `last` (0/1), `times_shown` (log1p of impressions without
        a click), `cold` (0/1), `same_category` (share of the session's views in the leaf category, 0..1),
        `price_ratio` (log of price over the session's mean price, clipped to -2..2, 0 where unknown).
    """
    in_session, last, shown = (np.zeros(len(items), np.float32) for _ in range(3))
    item_of = knowledge.catalogue.item_of
    row_of = {item: row for row, item in enumerate(items)}.get
    for product_id in context.views:
        row = row_of(item_of(product_id), -1)
        if row >= 0:
            in_session[row] = 1
            last[row] = product_id == context.views[-1]
    for product_id, (times, _, clicked) in context.shown.items():
        row = -1 if clicked else row_of(item_of(product_id), -1)
        if row >= 0:
            shown[row] = math.log1p(times)
    category, price = _compared(items, context, knowledge)
    return {
        "in_session": in_session,
        "last": last,
        "times_shown": shown,
        "cold": (knowledge.model.counts_of(items) < COLD_BELOW).astype(np.float32),
        "same_category": category,
        "price_ratio": price,
    }


def _compared(items: Sequence[str], context: Context, knowledge: Knowledge) -> tuple[np.ndarray, np.ndarray]:
    """Hold the candidates' category and price against those of the session's views."""
    leaves, prices = knowledge.facts.gather(items)
    viewed_leaves, viewed_prices = knowledge.facts.gather([knowledge.catalogue.item_of(pid) for pid in context.views])
    known = viewed_prices[viewed_prices != 0]
    ratio = np.zeros(len(items), np.float32)
    if len(known):
        np.clip(prices - known.mean(), -2, 2, out=ratio, where=prices != 0)
    mix = np.bincount(viewed_leaves, minlength=int(leaves.max(initial=0)) + 1) / max(1, len(context.views))
    mix[0] = 0
    return mix[leaves].astype(np.float32), ratio
