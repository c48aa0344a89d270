"""One slate: candidates in, an ordered and explained list out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from models.diversity import diversify
from models.explore import Pick, Pool, pick
from models.features import extras, shares
from models.knowledge import Knowledge
from models.placements import Placement
from models.reasons import Reasons
from models.retrieval import Found
from models.session import Context
from schemas.products import Product
from schemas.slates import Explored, SlateItem

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


@dataclass(frozen=True)
class Candidate:
    """A product that passed all filters; `relevance` 0..1 and above with emphasis, 4 decimals."""

    product: Product
    item: str
    relevance: float
    row: int


@dataclass(frozen=True)
class Decision:
    """The slate's items, twice the shown length, and its exploration slot."""

    items: tuple[SlateItem, ...]
    explored: Explored | None


def decide(request: Request, found: Found, knowledge: Knowledge, rules: SlateRules) -> Decision:
    """Decide one slate: blend, filter, diversify, cap, explore, explain.

    A pure function of its arguments: the only time is `request.at`, the only randomness comes from `slate_id`.
    """
    items = sorted(set().union(*(scored.items for scored in found.values())))
    if not items:
        return Decision(items=(), explored=None)
    relevance = blend(items, found, request, knowledge, rules)
    count = 2 * request.placement.size
    shortlist = _take(_filtered(items, relevance, request, knowledge, rules), rules.shortlist * request.placement.size)
    ordered = _diverse(shortlist, knowledge, rules, count)
    ordered = _capped(ordered, request, knowledge, rules)
    rest = [c for c in shortlist if c not in ordered[: request.placement.size]]
    ordered, explored = _explore(ordered, rest, found, request, knowledge)
    reasons = Reasons(request.context, request.anchors, knowledge.catalogue)
    part = shares(items, found)
    return Decision(items=tuple(_explain(ordered[:count], part, reasons)), explored=explored)


def blend(items: Sequence[str], found: Found, request: Request, knowledge: Knowledge, rules: SlateRules) -> np.ndarray:
    """Score candidates for one placement.

    Returns:
        float64, shape (len(items),), 4 decimals: the blend's score stretched to 0..1, plus the placement's emphasis,
        less fatigue.
    """
    extra = extras(items, request.context, knowledge)
    score = knowledge.model.blend.score(knowledge.model.blend.features(found, items, extra)).astype(np.float64)
    low, high = score.min(), score.max()
    relevance = (score - low) / (high - low) if high > low else np.ones(len(items))
    if request.placement.emphasis:
        part = shares(items, found)
        for source, weight in request.placement.emphasis.items():
            if source in part:
                relevance = relevance + weight * part[source]
    seen = np.expm1(extra["times_shown"])
    return np.round(relevance * rules.fatigue**seen, 4)


def _take(candidates: Iterator[Candidate], most: int) -> list[Candidate]:
    return [candidate for candidate, _ in zip(candidates, range(most), strict=False)]


def _filtered(
    items: Sequence[str], relevance: np.ndarray, request: Request, knowledge: Knowledge, rules: SlateRules
) -> Iterator[Candidate]:
    """Yield what may be shown, best first; `items` are sorted, so a stable sort breaks ties by id."""
    context, placement, catalogue = request.context, request.placement, knowledge.catalogue
    country = context.landing.country if context.landing else None
    banned = {catalogue.item_of(product_id) for product_id in (*request.anchors, *context.cart)}
    resting = _resting(request, knowledge, rules)
    leaves = {catalogue.category_of(product_id) for product_id in request.anchors}
    near_leaf = leaves or {catalogue.category_of(product_id) for product_id in context.views[-1:]}
    for row in np.argsort(-relevance, kind="stable"):
        item = items[row]
        if item in banned:
            continue
        product = catalogue.representative(item, request.at, country, prefer=context.views)
        if product is None or item in resting:
            continue
        leaf = product.category[-1] if product.category else None
        if product.restricted and leaf not in near_leaf:
            continue
        if not placement.same_leaf and leaf is not None and leaf in leaves:
            continue
        yield Candidate(product, item, float(relevance[row]), int(row))


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
    views = request.context.views
    mix = [knowledge.catalogue.category_of(product_id) for product_id in views]
    kept: list[Candidate] = []
    moved: list[Candidate] = []
    count: dict[str, int] = {}
    for candidate in ordered:
        leaf = candidate.product.category[-1] if candidate.product.category else ""
        share = max(rules.category_share, mix.count(leaf) / len(mix)) if leaf and mix else rules.category_share
        count[leaf] = count.get(leaf, 0) + 1
        room = not leaf or count[leaf] <= max(1, share * request.placement.size)
        (kept if room or len(kept) >= request.placement.size else moved).append(candidate)
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
    new = set(found["new"].items) if "new" in found else set()
    views = request.context.views
    home = {product.category for pid in views if (product := knowledge.catalogue.get(pid)) is not None}
    parents = {category[:-1] for category in home if len(category) > 1}
    pools: dict[Pool, list[Candidate]] = {"new": [], "long_tail": [], "neighbour": []}
    for candidate in rest:
        category = candidate.product.category
        if candidate.item in new or knowledge.model.count_of(candidate.item) < 5:
            pools["new"].append(candidate)
        elif category[:-1] in parents and category not in home:
            pools["neighbour"].append(candidate)
        else:
            pools["long_tail"].append(candidate)
    return pools


def _explain(ordered: Sequence[Candidate], part: Mapping[str, np.ndarray], reasons: Reasons) -> Iterator[SlateItem]:
    for rank, candidate in enumerate(ordered, 1):
        row = candidate.row
        mine = {source: round(float(values[row]), 4) for source, values in part.items() if values[row] > 0}
        reason = reasons.of(candidate.product.product_id, candidate.product.category, mine)
        yield SlateItem(
            product_id=candidate.product.product_id,
            rank=rank,
            score=candidate.relevance,
            sources=mine,
            reason=reason,
        )
