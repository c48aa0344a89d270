"""What the blend looks at besides the sources, and the candidates of one event with all that is known of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.knowledge import NO_FACTS, Knowledge
from models.model import Scored
from models.retrieval import Found
from models.session import Context

COLD_BELOW = 5
"""A product with fewer learned events than this is cold."""


@dataclass(frozen=True)
class Candidates:
    """The candidates of one event, shared by its placements.

    Args:
        items: sorted, so that a stable sort by score breaks ties by id.
        found: by source.
        part: per source float32, shape (len(items),): its scores as shares 0..1 of its best, 0 where it has none.
        relevance: float64, shape (len(items),): the blend's score stretched to 0..1, less fatigue comes later.
        times_shown: float32, shape (len(items),): impressions without a click.
    """

    items: list[str]
    found: Found
    part: Mapping[str, np.ndarray]
    relevance: np.ndarray
    times_shown: np.ndarray


def score(found: Found, context: Context, knowledge: Knowledge) -> Candidates:
    """Join the sources' candidates and score them with the blend."""
    items = sorted(set().union(*(scored.items for scored in found.values())))
    row_of = positions(items)
    extra = extras(items, context, knowledge)
    blend = knowledge.model.blend
    raw = blend.score(blend.features(found, items, extra)).astype(np.float64)
    low, high = (raw.min(), raw.max()) if items else (0.0, 0.0)
    relevance = (raw - low) / (high - low) if high > low else np.ones(len(items))
    part = {name: _share(scored, row_of, len(items)) for name, scored in found.items() if scored.items}
    return Candidates(items, found, part, relevance, np.expm1(extra["times_shown"]))


def positions(items: Sequence[str]) -> dict[str, int]:
    """Number the candidates."""
    return {item: row for row, item in enumerate(items)}


def _share(scored: Scored, row_of: Mapping[str, int], count: int) -> np.ndarray:
    values = np.zeros(count, np.float32)
    top = float(scored.scores[0])
    if top > 0:
        values[[row_of[item] for item in scored.items]] = np.maximum(scored.scores / top, 0)
    return values


def extras(items: Sequence[str], context: Context, knowledge: Knowledge) -> dict[str, np.ndarray]:
    """Compute the features that are not a source's.

    Returns:
        float32, shape (len(items),) each: `in_session` and `last` (0/1), `times_shown` (log1p of impressions without
        a click), `cold` (0/1), `same_category` (share of the session's views in the leaf category, 0..1),
        `price_ratio` (log of price over the session's mean price, clipped to -2..2, 0 where unknown).
    """
    row_of = positions(items)
    in_session, last, shown = (np.zeros(len(items), np.float32) for _ in range(3))
    viewed = list(_rows(context.views, row_of, knowledge))
    in_session[viewed] = 1
    last[list(_rows(context.views[-1:], row_of, knowledge))] = 1
    for product_id, (times, _, clicked) in context.shown.items():
        if not clicked:
            shown[list(_rows((product_id,), row_of, knowledge))] = math.log1p(times)
    category, price = _compared(items, context, knowledge)
    return {
        "in_session": in_session,
        "last": last,
        "times_shown": shown,
        "cold": (knowledge.model.counts_of(items) < COLD_BELOW).astype(np.float32),
        "same_category": category,
        "price_ratio": price,
    }


def _rows(products: Sequence[str], row_of: Mapping[str, int], knowledge: Knowledge) -> Iterator[int]:
    for product_id in products:
        row = row_of.get(knowledge.catalogue.item_of(product_id))
        if row is not None:
            yield row


def _compared(items: Sequence[str], context: Context, knowledge: Knowledge) -> tuple[np.ndarray, np.ndarray]:
    """Hold the candidates' category and price against those of the session's views."""
    known, item_of = knowledge.facts, knowledge.catalogue.item_of
    views = [known.get(item_of(product_id), NO_FACTS) for product_id in context.views]
    if not views:
        return np.zeros(len(items), np.float32), np.zeros(len(items), np.float32)
    mix: dict[str, float] = {}
    for facts in views:
        mix[facts.leaf] = mix.get(facts.leaf, 0.0) + 1 / len(views)
    mix.pop("", None)
    facts_of = [known.get(item, NO_FACTS) for item in items]
    category = np.array([mix.get(facts.leaf, 0.0) for facts in facts_of], np.float32)
    logs = np.array([facts.log_price for facts in facts_of], np.float32)
    prices = [facts.log_price for facts in views if facts.log_price]
    mean = math.fsum(prices) / len(prices) if prices else 0.0
    ratio = np.clip(logs - np.float32(mean), -2, 2) if prices else np.zeros(len(items), np.float32)
    return category, np.where(logs == 0, np.float32(0), ratio)
