"""One slate: candidates in, an ordered and explained list out."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import numpy as np

from models.diversity import diversify
from models.explore import POOLS, Pick, Pool, pick
from models.features import Candidates
from models.knowledge import Knowledge
from models.placements import Placement
from models.pools import Pools
from models.reasons import Reasons, main_sources
from models.retrieval import Found
from models.session import Context
from schemas.products import Product
from schemas.slates import Explored, PlainItem

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class SlateRules:
    """Constants of slates.

    Args:
        diversity: MMR's penalty on likeness, 0..1.
        category_share: most of the shown products from one leaf category, unless the session has more.
        fatigue: relevance is multiplied by this for every time a product was seen without a click.
        repurchase_days: a bought product stays away this long unless its `repurchase_days` attribute says otherwise.
        shortlist: filtered candidates per shown product that diversity chooses from.
        expires_s: a slate is stale this long after its event.
    """

    diversity: float = 0.05
    category_share: float = 0.6
    fatigue: float = 0.92
    repurchase_days: float = 30.0
    shortlist: int = 3
    expires_s: int = 1800


@dataclass(frozen=True)
class Request:
    """What a slate is asked for; `anchors` are products it must not contain."""

    slate_id: str
    placement: Placement
    context: Context
    anchors: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, eq=False, slots=True)
class Candidate:
    """A product that passed all filters; `relevance` 0..1 and above with emphasis, 4 decimals."""

    product: Product
    item: str
    leaf: str
    relevance: float
    row: int


@dataclass(frozen=True)
class Decision:
    """The slate's items, twice the shown length, and its exploration slot."""

    items: list[PlainItem]
    explored: Explored | None


def decide(request: Request, candidates: Candidates, knowledge: Knowledge, rules: SlateRules) -> Decision:
    """Decide one slate: emphasise, filter, diversify, cap, explore, explain.

    A pure function of its arguments: the only time is `request.at`, the only randomness comes from `slate_id`.
    """
    size = request.placement.size
    relevance = emphasised(request.placement, candidates, rules)
    allowed = _filtered(candidates, relevance, request, knowledge, rules)
    shortlist = list(islice(allowed, rules.shortlist * size))
    ordered = _capped(_diverse(shortlist, knowledge, rules, 2 * size), request, knowledge, rules)
    shown = {candidate.row for candidate in ordered[:size]}
    rest = [candidate for candidate in shortlist if candidate.row not in shown]
    ordered, explored = _explore(ordered, rest, candidates.found, request, knowledge)
    reasons = Reasons(request.context, request.anchors, knowledge.catalogue)
    return Decision(items=_explained(ordered[: 2 * size], candidates, reasons), explored=explored)


def emphasised(placement: Placement, candidates: Candidates, rules: SlateRules) -> np.ndarray:
    """Turn the blend's scores into relevance for one placement.

    Returns:
        float64, shape (len(items),), 4 decimals: 0..1 plus the placement's emphasis, less fatigue.
    """
    relevance = candidates.relevance
    for source, weight in placement.emphasis.items():
        if source in candidates.sources:
            relevance = relevance + weight * candidates.part[candidates.sources.index(source)]
    return np.round(relevance * rules.fatigue**candidates.times_shown, 4)


def _filtered(
    candidates: Candidates, relevance: np.ndarray, request: Request, knowledge: Knowledge, rules: SlateRules
) -> Iterator[Candidate]:
    """Yield what may be shown, best first; items are sorted, so a stable sort breaks ties by id."""
    context, placement, catalogue = request.context, request.placement, knowledge.catalogue
    absent = _resting(request, knowledge, rules)
    absent |= {catalogue.item_of(product_id) for product_id in (*request.anchors, *context.cart)}
    leaves = {catalogue.category_of(product_id) for product_id in request.anchors} - {""}
    beside = leaves or {catalogue.category_of(product_id) for product_id in context.views[-1:]} - {""}
    country = context.landing.country if context.landing else None
    order = np.argsort(-relevance, kind="stable")
    items, sellable = candidates.items, candidates.sellable
    for row, value in zip(order.tolist(), relevance[order].tolist(), strict=True):
        item = items[row]
        if item in absent:
            continue
        if item not in sellable:
            sellable[item] = catalogue.representative(item, request.at, country, prefer=context.views)
        product = sellable[item]
        if product is None:
            continue
        leaf = catalogue.category_of(product.product_id)
        if (product.restricted and leaf not in beside) or (not placement.same_leaf and leaf in leaves):
            continue
        yield Candidate(product, item, leaf, value, row)


def _resting(request: Request, knowledge: Knowledge, rules: SlateRules) -> set[str]:
    """Name the items that were bought too recently to be shown again."""
    resting = set()
    for product_id, bought_ms in request.context.purchased:
        product = knowledge.catalogue.get(product_id)
        days = _repurchase_days(product, rules)
        forever = days == 0 or not request.placement.bought_again
        if forever or request.context.at_ms - bought_ms < days * DAY_MS:
            resting.add(knowledge.catalogue.item_of(product_id))
    return resting


def _repurchase_days(product: Product | None, rules: SlateRules) -> float:
    own = product.attributes.get("repurchase_days") if product else None
    return float(own) if isinstance(own, int | float) else rules.repurchase_days


def _diverse(shortlist: list[Candidate], knowledge: Knowledge, rules: SlateRules, count: int) -> list[Candidate]:
    if not shortlist:
        return []
    vectors, _ = knowledge.content.vectors([candidate.product.product_id for candidate in shortlist])
    relevance = np.array([candidate.relevance for candidate in shortlist], np.float32)
    order = diversify(relevance, vectors, penalty=rules.diversity, count=min(count, len(shortlist)))
    return [shortlist[i] for i in order]


def _capped(ordered: list[Candidate], request: Request, knowledge: Knowledge, rules: SlateRules) -> list[Candidate]:
    """Move what exceeds its category's share of the shown part behind the rest."""
    size = request.placement.size
    leaves = [knowledge.catalogue.category_of(product_id) for product_id in request.context.views]
    room: dict[str, float] = {"": math.inf}
    kept: list[Candidate] = []
    moved: list[Candidate] = []
    for candidate in ordered:
        leaf = candidate.leaf
        if leaf not in room:
            share = leaves.count(leaf) / len(leaves) if leaves else 0.0
            room[leaf] = max(1.0, max(rules.category_share, share) * size)
        room[leaf] -= 1
        (kept if room[leaf] >= 0 or len(kept) >= size else moved).append(candidate)
    return kept + moved


def _explore(
    ordered: list[Candidate], rest: list[Candidate], found: Found, request: Request, knowledge: Knowledge
) -> tuple[list[Candidate], Explored | None]:
    """Give one rank to a product that would not have been shown."""
    if not request.placement.explores or not request.context.consent or len(ordered) < request.placement.size:
        return ordered, None
    pools = _pools(rest, found, request, knowledge)
    choice: Pick | None = pick(
        request.slate_id,
        {pool: [candidate.relevance for candidate in members] for pool, members in pools.items()},
        knowledge.model.pool_reward,
        size=request.placement.size,
    )
    if choice is None:
        return ordered, None
    chosen = pools[choice.pool][choice.index]
    without = [candidate for candidate in ordered if candidate is not chosen]
    slot = choice.rank - 1
    return [*without[:slot], chosen, *without[slot:]], Explored(
        rank=choice.rank, propensity=choice.propensity, pool=choice.pool
    )


def _pools(rest: list[Candidate], found: Found, request: Request, knowledge: Knowledge) -> dict[Pool, list[Candidate]]:
    sorting = Pools(request.context.views, found["new"].items if "new" in found else (), knowledge)
    pools: dict[Pool, list[Candidate]] = {pool: [] for pool in POOLS}
    for candidate in rest:
        pools[sorting.of(candidate.item, candidate.product.category)].append(candidate)
    return pools


def _explained(ordered: Sequence[Candidate], candidates: Candidates, reasons: Reasons) -> list[PlainItem]:
    if not ordered:
        return []
    part = candidates.part[:, [candidate.row for candidate in ordered]]
    # Through float64, so that four decimals stay four decimals in JSON.
    shares = np.round(part.T.astype(np.float64), 4).tolist()
    names = candidates.sources
    items: list[PlainItem] = []
    for rank, (candidate, share, source) in enumerate(zip(ordered, shares, main_sources(names, part), strict=True), 1):
        product = candidate.product
        items.append(
            {
                "product_id": product.product_id,
                "rank": rank,
                "score": candidate.relevance,
                "sources": {name: value for name, value in zip(names, share, strict=True) if value > 0},
                "reason": reasons.of(product.product_id, product.category, source),
            }
        )
    return items
