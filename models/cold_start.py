"""What to go by where little is known: of a visitor, of a product, or of the whole shop."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest

import numpy as np

from models.features import COLD_BELOW
from models.knowledge import Knowledge
from models.ranked import NONE, Ranked
from models.session import Context
from schemas.events import Event

NEAR_LIMIT = 60
"""Candidates by vector: fewer than of other sources, since the nearest are what content is for."""

WIDE_LIMIT = 120
"""How far the index is asked, so that there are cold products among what it finds."""

COLD_LIMIT = 30
"""Cold candidates."""

NEAR_RANK, LIKENESS = 10, 0.8
"""A cold product fits when its likeness is at least this share of that of the 10th nearest product of all."""

ENOUGH = 60
"""So many products that somebody looked at fill any slate."""

SPREAD_LIMIT, TRIED = 60, 20
"""Products that a shop opens with, and how many of a category are tried until one can be bought."""

VIEWS_BESIDE = 3
"""So many of the last views say what shelves to look at."""


def text_for(context: Context) -> tuple[str, str]:
    """Give the text to match titles with, and the name of the source that its matches are.

    `words`: the session's search, else, before the first view, the search words of the advertisement that brought the
    visitor. `campaign`: where there are none, the campaign's text and name, which say what it shows, not what was
    wanted. Empty where nothing is said.
    """
    landing = context.landing
    if context.query or landing is None or context.views:
        return "words", context.query or ""
    if landing.utm_term:
        return "words", landing.utm_term
    return "campaign", " ".join(filter(None, (landing.utm_content, landing.utm_campaign)))


def narrowed(found: Mapping[str, Ranked], knowledge: Knowledge) -> dict[str, Ranked]:
    """Cut what the index found to its nearest, and keep the cold products that fit the session as `cold`.

    A cold product has fewer than 5 learned events: no source but likeness knows it, and no blend of all sources shows
    it (measured: recall 0 of 145 such purchases).

    Args:
        found: what was asked for with `WIDE_LIMIT`, nearest first; `content` is near the session.
        knowledge: what has been learned of each.
    """
    near = {source: _head(ranked, NEAR_LIMIT) for source, ranked in found.items()}
    wide = found.get("content", NONE)
    if len(wide.ids):
        least = LIKENESS * wide.scores[min(NEAR_RANK, len(wide.scores)) - 1]
        near["cold"] = _kept(wide, is_cold(wide.ids, knowledge) & (wide.scores >= max(least, 0.0)))
    return near


def cold_beside(found: Mapping[str, Ranked], context: Context, knowledge: Knowledge) -> Ranked:
    """Find cold products that fit without vectors: whose titles match, else new ones of categories just viewed."""
    words = found.get("words") or found.get("campaign", NONE)
    new, facts = found.get("new", NONE), knowledge.facts
    if len(words.ids):
        matching = _kept(words, is_cold(words.ids, knowledge) & (words.scores >= LIKENESS * words.scores[0]))
        if len(matching.ids):
            return matching
    leaves = facts.leaf[facts.rows_of(context.views)]
    viewed = set(leaves[leaves > 0].tolist())
    beside = np.array([leaf in viewed for leaf in facts.leaf[new.ids].tolist()], np.bool_)
    return _kept(new, is_cold(new.ids, knowledge) & beside) if beside.any() else NONE


def opening(found: Mapping[str, Ranked], at: datetime, knowledge: Knowledge) -> Ranked:
    """Spread what nobody has told anything of over the categories, while too little is known to fill a slate.

    Args:
        found: candidates so far; those of `new` lead.
        at: the moment.
        knowledge: the catalogue.

    Returns:
        rows with falling scores: the newest and one of each category, categories taking turns.
    """
    new = found.get("new", NONE)
    if len(found.get("popular", NONE).ids) >= ENOUGH:
        return new
    facts, catalogue = knowledge.facts, knowledge.catalogue
    leaves = sorted(catalogue.categories())
    some = leaves[:: len(leaves) // SPREAD_LIMIT + 1]
    first = [
        next((one for one in catalogue.in_category(leaf)[:TRIED] if catalogue.available(one, at)), "") for leaf in some
    ]
    rows = facts.rows_of([*catalogue.newest(at, SPREAD_LIMIT), *first])
    rows = np.array(list(dict.fromkeys(rows[rows > 0].tolist())), np.int32)
    rows = rows[is_cold(rows, knowledge)]
    shelves: dict[int, list[int]] = {}
    for row, leaf in zip(rows.tolist(), facts.leaf[rows].tolist(), strict=True):
        shelves.setdefault(leaf, []).append(row)
    turns = [row for rows_of_a_turn in zip_longest(*shelves.values()) for row in rows_of_a_turn if row is not None]
    return _falling(turns[:SPREAD_LIMIT])


def beside(found: Mapping[str, Ranked], context: Context, event: Event, knowledge: Knowledge) -> dict[str, Ranked]:
    """Stand in for what the index did not find, by category: `content` for the last views, `anchored` for this one."""
    more = {}
    if context.views and not len(found.get("content", NONE).ids):
        more["content"] = _same_shelf(context.views[: -VIEWS_BESIDE - 1 : -1], knowledge)
    if event.name == "view_item" and event.items and not len(found.get("anchored", NONE).ids):
        more["anchored"] = _same_shelf([event.items[0].product_id], knowledge)
    return more


def _same_shelf(products: Sequence[str], knowledge: Knowledge) -> Ranked:
    """List the products that follow some others in their categories, by id and round and round, in turns."""
    catalogue, lists = knowledge.catalogue, []
    for product_id in products:
        category = catalogue.category_of(product_id) if product_id in catalogue else ""
        shelf = catalogue.in_category(category) if category else ()  # without a category, nothing is beside it
        start = bisect_left(shelf, product_id)
        lists.append([*shelf[start : start + NEAR_LIMIT], *shelf[: min(start, NEAR_LIMIT)]][:NEAR_LIMIT])
    rows = knowledge.facts.rows_of([one for turn in zip_longest(*lists) for one in turn if one is not None])
    return _falling(list(dict.fromkeys(rows[rows > 0].tolist()))[:NEAR_LIMIT])


def _falling(rows: Sequence[int]) -> Ranked:
    """Score rows in their order, from 1 down."""
    count = len(rows)
    return Ranked(np.array(rows, np.int32), 1 - np.arange(count, dtype=np.float32) / np.float32(max(1, count)))


def is_cold(rows: np.ndarray, knowledge: Knowledge) -> np.ndarray:
    """Say of rows of the fact table whether they are cold: bool, shape (n,)."""
    return knowledge.model.counts_of(knowledge.crosswalk.numbers(rows)) < COLD_BELOW


def _kept(ranked: Ranked, kept: np.ndarray) -> Ranked:
    return _head(Ranked(ranked.ids[kept], ranked.scores[kept]), COLD_LIMIT)


def _head(ranked: Ranked, count: int) -> Ranked:
    return Ranked(ranked.ids[:count], ranked.scores[:count])
