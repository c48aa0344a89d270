"""One slate: candidates in, an ordered and explained list out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.bandit import POOLS, Pool
from models.diversity import diversify
from models.explore import Pick, pick
from models.features import Candidates
from models.knowledge import Knowledge
from models.pools import Pools
from models.reasons import Reasons, main_sources
from models.reserved import COLD, MARK, Reserved, placed, reserve
from models.shortlist import Request, Shortlist, SlateRules, shortlist
from schemas.slates import Explored, PlainItem

__all__ = ["Decision", "Request", "SlateRules", "Stages", "decide", "stages"]


@dataclass(frozen=True)
class Decision:
    """The slate's items, twice the shown length, and its exploration slot."""

    items: list[PlainItem]
    explored: Explored | None


class Stages(NamedTuple):
    """How a slate came about: orders of places in the shortlist, after diversity, after caps, with the slots filled."""

    listed: Shortlist
    diverse: list[int]
    capped: list[int]
    order: list[int]
    explored: Explored | None
    reserved: Reserved | None


def decide(request: Request, candidates: Candidates, knowledge: Knowledge, rules: SlateRules) -> Decision:
    """Decide one slate: emphasise, filter, diversify, cap, reserve, explore, explain.

    A pure function of its arguments: the only time is `request.at`, the only randomness comes from `slate_id`.
    """
    come = stages(request, candidates, knowledge, rules)
    reasons = Reasons(request.context, request.anchors, knowledge.catalogue)
    return Decision(_explained(come, candidates, reasons), come.explored)


def stages(request: Request, candidates: Candidates, knowledge: Knowledge, rules: SlateRules) -> Stages:
    """Go through the stages of a slate, as far as its order; `order` is twice the shown length."""
    listed = shortlist(request, candidates, knowledge, rules)
    leaves = knowledge.facts.leaf[candidates.rows[listed.places]].tolist()
    diverse = _diverse(listed, request, knowledge, rules)
    capped = _capped(diverse, leaves, request, knowledge, rules)
    listed, reserved = reserve(capped, listed, request, candidates, knowledge, rules)
    chosen, explored = _explore(capped, listed, reserved, request, candidates, knowledge)
    slots = {explored.rank: chosen} if explored else {}
    if reserved is not None:
        slots[request.placement.cold_rank(explored.rank if explored else 0)] = reserved.at
    order = placed(capped, slots)[: 2 * request.placement.size]
    return Stages(listed, diverse, capped, order, explored, reserved)


def _diverse(listed: Shortlist, request: Request, knowledge: Knowledge, rules: SlateRules) -> list[int]:
    """Order a shortlist, twice the shown length of it, so that like does not stand beside like."""
    count = min(2 * request.placement.size, len(listed.products))
    if not count:
        return []
    vectors, _ = knowledge.content.vectors(listed.products)
    return diversify(listed.relevance, vectors, penalty=rules.diversity, count=count).tolist()


def _capped(
    order: list[int], leaves: Sequence[int], request: Request, knowledge: Knowledge, rules: SlateRules
) -> list[int]:
    """Move what exceeds its category's share of the shown part behind the rest."""
    size = request.placement.size
    views = knowledge.facts.leaf[knowledge.facts.rows_of(request.context.views)].tolist()
    room: dict[int, float] = {0: math.inf}
    kept: list[int] = []
    moved: list[int] = []
    for at in order:
        leaf = leaves[at]
        if leaf not in room:
            share = views.count(leaf) / len(views) if views else 0.0
            room[leaf] = max(1.0, max(rules.category_share, share) * size)
        room[leaf] -= 1
        (kept if room[leaf] >= 0 or len(kept) >= size else moved).append(at)
    return kept + moved


def _explore(
    order: list[int],
    listed: Shortlist,
    reserved: Reserved | None,
    request: Request,
    candidates: Candidates,
    knowledge: Knowledge,
) -> tuple[int, Explored | None]:
    """Draw a product that would not have been shown, and the rank to give it."""
    size = request.placement.size
    if not request.placement.explores or not request.context.consent or len(order) < size:
        return -1, None
    shown = {*order[:size], *((reserved.at,) if reserved else ())}
    rest = [at for at in range(len(listed.products)) if at not in shown]
    pools = _pools(rest, listed, request, candidates, knowledge)
    relevance = listed.relevance.tolist()
    scores = {pool: [relevance[at] for at in members] for pool, members in pools.items()}
    drawn: Pick | None = pick(request.slate_id, scores, knowledge.model.bandit, size=size)
    if drawn is None:
        return -1, None
    explored = Explored(rank=drawn.rank, propensity=drawn.propensity, pool=drawn.pool, shares={**drawn.shares})
    return pools[drawn.pool][drawn.index], explored


def _pools(
    rest: list[int], listed: Shortlist, request: Request, candidates: Candidates, knowledge: Knowledge
) -> dict[Pool, list[int]]:
    new = candidates.rows[candidates.of_source("new")]
    sorting = Pools(request.context.views, new, knowledge)
    pools: dict[Pool, list[int]] = {pool: [] for pool in POOLS}
    for at, pool in zip(rest, sorting.of(candidates.rows[listed.places[rest]]), strict=True):
        pools[pool].append(at)
    return pools


def _explained(come: Stages, candidates: Candidates, reasons: Reasons) -> list[PlainItem]:
    order, listed = come.order, come.listed
    if not order:
        return []
    shares = candidates.shares[:, listed.places[order]]
    # Through float64, so that four decimals stay four decimals in JSON.
    said = _named(np.round(shares.T.astype(np.float64), 4), candidates.sources)
    mains, relevance, products = main_sources(candidates.sources, shares), listed.relevance.tolist(), listed.products
    if come.reserved is not None:
        rank = order.index(come.reserved.at)
        mains[rank] = COLD
        said[rank][MARK] = 1.0
    return [
        {
            "product_id": products[at],
            "rank": rank,
            "score": relevance[at],
            "sources": sources,
            "reason": reasons.of(products[at], main),
        }
        for rank, (at, sources, main) in enumerate(zip(order, said, mains, strict=True), 1)
    ]


def _named(shares: np.ndarray, sources: Sequence[str]) -> list[dict[str, float]]:
    """Write, per candidate, what each source that has it says."""
    said: list[dict[str, float]] = [{} for _ in shares]
    rows, columns = np.nonzero(shares)
    for row, column, value in zip(rows.tolist(), columns.tolist(), shares[rows, columns].tolist(), strict=True):
        said[row][sources[column]] = value
    return said
