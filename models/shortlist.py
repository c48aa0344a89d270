"""What may be shown on a slate, best first: the candidates that nothing speaks against."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

import numpy as np

from models.catalogue import ASK, NO_OFFER
from models.features import Candidates
from models.kernel import compiled
from models.knowledge import Knowledge
from models.limits import Limits
from models.placements import Placement
from models.session import Context
from schemas.record import epoch_ms

DAY_MS = 24 * 3600 * 1000

MOST_REPURCHASE_DAYS = 3650
"""A product's own `repurchase_days` is 0 (never again) to this, else it is not heeded."""


@dataclass(frozen=True)
class SlateRules:
    """Constants of slates.

    Args:
        diversity: MMR's penalty on likeness, 0..1.
        category_share: most of the shown products from one leaf category, unless the session has more.
        fatigue: relevance is multiplied by this for every time a product was seen without a click.
        repurchase_days: a bought product stays away this long, for ever with 0, unless its own `repurchase_days`
            attribute or what its leaf category has taught says otherwise.
        shortlist: filtered candidates per shown product that diversity chooses from.
        expires_s: a slate is stale this long after its event.
    """

    diversity: float = 0.05
    category_share: float = 0.6
    fatigue: float = 0.92
    repurchase_days: float = 30.0
    shortlist: int = 3
    expires_s: int = 1800

    LIMITS: ClassVar[Mapping[str, Limits]] = {
        "diversity": Limits(0, 1),
        "category_share": Limits(0, 1),
        "fatigue": Limits(0, 1),
        "repurchase_days": Limits(0, MOST_REPURCHASE_DAYS),
        "shortlist": Limits(2, 100),
        "expires_s": Limits(1, 30 * 86_400),
    }


@dataclass(frozen=True)
class Request:
    """What a slate is asked for; `anchors` are products it must not contain."""

    slate_id: str
    placement: Placement
    context: Context
    anchors: tuple[str, ...]
    at: datetime


class Shortlist(NamedTuple):
    """Candidates that passed all filters, best first, ties by item; all of length m.

    `places` are where they stand among the candidates, int64; `products` are the variants to show; `relevance` is
    float64, 0..1 and above.
    """

    places: np.ndarray
    products: list[str]
    relevance: np.ndarray


def shortlist(request: Request, candidates: Candidates, knowledge: Knowledge, rules: SlateRules) -> Shortlist:
    """Filter and order the candidates of an event for one placement."""
    relevance = emphasised(request.placement, candidates, rules)
    most = rules.shortlist * request.placement.size
    allowed = unopposed(request, candidates, knowledge, rules)
    asked = (knowledge.facts.offer[candidates.rows] == ASK) | candidates.viewed
    # Some of those that must be asked for may be left out: then more of the others are needed.
    order = _in_order(allowed, relevance, candidates, knowledge, most + int(asked.sum()))
    products = [
        variant(place, candidates, request, knowledge) if ask else knowledge.facts.speakers[row]
        for place, ask, row in zip(order, asked[order].tolist(), candidates.rows[order].tolist(), strict=True)
    ]
    if not request.placement.restricted:  # a variant of a group may be, though the one that speaks for it is not
        products = [None if name is None or knowledge.catalogue.restricted(name) else name for name in products]
    kept = [at for at, product_id in enumerate(products) if product_id is not None][:most]
    places = np.array(order, np.int64)[kept]
    return Shortlist(places, [name for name in products if name is not None][:most], relevance[places])


def emphasised(placement: Placement, candidates: Candidates, rules: SlateRules) -> np.ndarray:
    """Turn the blend's scores into relevance for one placement.

    Returns:
        float64, shape (len(items),), 4 decimals: 0..1 plus the placement's emphasis, less fatigue.
    """
    relevance = candidates.relevance
    for source, weight in placement.emphasis.items():
        if source in candidates.sources:
            relevance = relevance + weight * candidates.shares[candidates.sources.index(source)]
    return np.round(relevance * rules.fatigue**candidates.times_shown, 4)


def _in_order(
    allowed: np.ndarray, relevance: np.ndarray, candidates: Candidates, knowledge: Knowledge, most: int
) -> list[int]:
    """List the first places, best first, equal ones by the names of their items."""
    order = allowed[np.argsort(-relevance[allowed], kind="stable")]
    values = relevance[order]
    # The last one's equals belong to the list until they are sorted.
    end = int(np.searchsorted(-values, -values[most - 1], side="right")) if most < len(values) else len(values)
    order, values, names = order[:end], values[:end], knowledge.facts.names
    if (values[1:] == values[:-1]).any():
        keyed = zip((-values).tolist(), [names[row] for row in candidates.rows[order]], order.tolist(), strict=True)
        return [place for _, _, place in sorted(keyed)][:most]
    return order.tolist()[:most]


def unopposed(request: Request, candidates: Candidates, knowledge: Knowledge, rules: SlateRules) -> np.ndarray:
    """List the places that nothing speaks against: int64, ascending."""
    context, placement, facts = request.context, request.placement, knowledge.facts
    absent = [*resting(request, knowledge, rules), *map(facts.row_of, (*request.anchors, *context.cart))]
    own = facts.leaf[facts.rows_of(request.anchors)]
    last = facts.leaf[facts.rows_of(context.views[-1:])]
    beside = own if own.any() else last
    return _allowed(
        candidates.rows, epoch_ms(request.at), facts.offer, facts.since_ms, facts.restricted, facts.leaf,
        np.array(absent, np.int32), beside if placement.restricted else beside[:0],
        own[:0] if placement.same_leaf else own,
    )  # fmt: skip


@compiled
def _allowed(
    rows: np.ndarray,
    at_ms: int,
    offer: np.ndarray,
    since_ms: np.ndarray,
    restricted: np.ndarray,
    leaf: np.ndarray,
    absent: np.ndarray,
    beside: np.ndarray,
    barred: np.ndarray,
) -> np.ndarray:
    """List the places of rows that nothing speaks against.

    Args:
        rows: int32, shape (n,): the candidates.
        at_ms: the moment, ms since 1970.
        offer: by row, `NO_OFFER` or not.
        since_ms: by row, int64: when it goes on sale.
        restricted: by row, bool: only beside its own category.
        leaf: by row, the category's code.
        absent: rows that may not be shown.
        beside: categories that restricted products may stand beside.
        barred: categories that may not be shown; 0 bars nothing.

    Returns:
        int64, shape (<= n,), ascending.
    """
    places = np.empty(len(rows), np.int64)
    count = 0
    for t in range(len(rows)):
        row = rows[t]
        fine = offer[row] != NO_OFFER and since_ms[row] <= at_ms
        for other in absent:
            fine = fine and other != row
        for code in barred:
            fine = fine and (code != leaf[row] or code == 0)
        if fine and restricted[row]:
            fine = False
            for code in beside:
                fine = fine or (code == leaf[row] and code > 0)
        if fine:
            places[count] = t
            count += 1
    return places[:count]


def variant(place: int, candidates: Candidates, request: Request, knowledge: Knowledge) -> str | None:
    """Choose the variant to show, once for all placements of an event; None where none can be bought."""
    if place not in candidates.asked:
        context = request.context
        country = context.landing.country if context.landing else None
        item = knowledge.facts.names[candidates.rows[place]]
        product = knowledge.catalogue.representative(item, request.at, country, prefer=context.views)
        candidates.asked[place] = None if product is None else product.product_id
    return candidates.asked[place]


def resting(request: Request, knowledge: Knowledge, rules: SlateRules) -> list[int]:
    """Give the rows of items that were bought too recently to be shown again."""
    rows = []
    for product_id, bought_ms in request.context.purchased:
        days = _repurchase_days(product_id, knowledge, rules)
        forever = days == 0 or not request.placement.bought_again
        if forever or request.context.at_ms - bought_ms < days * DAY_MS:
            rows.append(knowledge.facts.row_of(product_id))
    return rows


def _repurchase_days(product_id: str, knowledge: Knowledge, rules: SlateRules) -> float:
    """Ask the product, then its leaf category, then the rule for all; 0 is never again."""
    product = knowledge.catalogue.get(product_id)
    if product is None:
        return rules.repurchase_days
    own = product.attributes.get("repurchase_days")
    if isinstance(own, int | float) and not isinstance(own, bool) and 0 <= own <= MOST_REPURCHASE_DAYS:
        return float(own)
    learned = knowledge.model.repurchase.days_of(knowledge.facts.leaf_of(product.item))
    return rules.repurchase_days if learned is None else learned
