"""What the blend looks at besides the sources: facts about visitor and product."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from models.knowledge import Knowledge
from models.model import Scored
from models.retrieval import Found
from models.session import Context

COLD_BELOW = 5
"""A product with fewer learned events than this is cold."""


def positions(items: Sequence[str]) -> dict[str, int]:
    """Number the candidates."""
    return {item: row for row, item in enumerate(items)}


def shares(items: Sequence[str], found: Found) -> dict[str, np.ndarray]:
    """Give each source's scores as shares of its best.

    Returns:
        per source float32, shape (len(items),), 0..1; 0 where the source does not have the item.
    """
    row_of = positions(items)
    return {source: _share(scored, row_of, len(items)) for source, scored in found.items() if len(scored.items)}


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
    catalogue = knowledge.catalogue
    row_of = positions(items)
    count = len(items)
    columns = {
        name: np.zeros(count, np.float32)
        for name in ("in_session", "last", "times_shown", "cold", "same_category", "price_ratio")
    }
    for product_id in context.views:
        row = row_of.get(catalogue.item_of(product_id))
        if row is not None:
            columns["in_session"][row] = 1
    if context.views:
        row = row_of.get(catalogue.item_of(context.views[-1]))
        if row is not None:
            columns["last"][row] = 1
    for product_id, (times, _, clicked) in context.shown.items():
        row = row_of.get(catalogue.item_of(product_id))
        if row is not None and not clicked:
            columns["times_shown"][row] = math.log1p(times)
    count_of = knowledge.model.count_of
    columns["cold"][:] = [count_of(item) < COLD_BELOW for item in items]
    _compare(columns, items, context, knowledge)
    return columns


def _compare(columns: Mapping[str, np.ndarray], items: Sequence[str], context: Context, knowledge: Knowledge) -> None:
    catalogue = knowledge.catalogue
    viewed = [product for pid in context.views if (product := catalogue.get(pid)) is not None]
    if not viewed:
        return
    mix: dict[str, float] = {}
    for product in viewed:
        if product.category:
            mix[product.category[-1]] = mix.get(product.category[-1], 0.0) + 1 / len(viewed)
    prices = [product.price for product in viewed if product.price]
    mean = math.fsum(math.log(price) for price in prices) / len(prices) if prices else None
    category, ratio = columns["same_category"], columns["price_ratio"]
    for row, item in enumerate(items):
        facts = catalogue.get(item)
        if facts is None:
            continue
        if facts.category:
            category[row] = mix.get(facts.category[-1], 0.0)
        if mean is not None and facts.price:
            ratio[row] = min(2.0, max(-2.0, math.log(facts.price) - mean))
