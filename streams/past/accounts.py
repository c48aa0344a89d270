"""Tell what a slate was decided from, in names and numbers that people can follow."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from models.blend import FEATURES, INTERCEPT, Described
from models.catalogue import price_band
from models.engagement import dwell_ms, recency, step_weight
from models.features import candidates_of, raw_scores
from models.first_look import WEIGHTS, knows_nobody
from models.knowledge import Knowledge
from models.objections import Objection, objections
from models.retrieval import LIMIT, query_of
from models.session import Context, SessionRules, Visitor
from models.shortlist import SlateRules
from models.slate import Stages, stages
from models.visitor import UNKNOWN
from schemas.events import Event
from schemas.record import epoch_ms
from streams.past.again import Found
from streams.past.explanation import ContextTold, ItemTold, Named, RemovedTold, SessionTold, SourceTold, StepTold

LEAST_LOG_ODDS = 0.005
"""Smaller contributions are not told."""


class Titles:
    """Titles by product, "" for what the catalogue does not have."""

    def __init__(self, knowledge: Knowledge | None) -> None:
        self._catalogue = knowledge.catalogue if knowledge else None

    def __call__(self, product_id: str) -> str:
        """Give a product's title."""
        product = self._catalogue.get(product_id) if self._catalogue else None
        return product.title if product else ""

    def named(self, pairs: Iterable[tuple[str, float]]) -> tuple[Named, ...]:
        """Give pairs of product and value their titles."""
        return tuple(Named(product_id, self(product_id), round(float(value), 4)) for product_id, value in pairs)


def tell_session(
    visitor: Visitor | None, context: Context, event: Event, rules: SessionRules, titles: Titles
) -> SessionTold:
    """Tell the session just after the event."""
    landing = context.landing.model_dump(exclude_none=True) if context.landing else None
    if visitor is None or visitor.session is None:
        return SessionTold(known=False, landing=landing, query=context.query)
    session, now = visitor.session, epoch_ms(event.at)
    first = session.total - len(session.steps) + 1
    steps = tuple(
        StepTold(
            product_id=step.product_id,
            title=titles(step.product_id),
            kind=step.kind,
            ago_s=(now - step.at_ms) / 1000,
            dwell_s=None if (dwell := dwell_ms(step, rules)) == UNKNOWN else dwell / 1000,
            scroll=None if step.scroll == UNKNOWN else step.scroll / 100,
            weight=round(step_weight(step, rules) * recency(session.total - place, rules.half_life_steps), 4),
        )
        for place, step in enumerate(session.steps, first)
    )
    unclicked = ((product_id, times) for product_id, (times, _, clicked) in context.shown.items() if not clicked)
    return SessionTold(
        known=True,
        session_id=context.session_id,
        stage=context.stage,
        n_sessions=context.n_sessions,
        n_events=context.n_events_in_session,
        landing=landing,
        query=context.query,
        steps=steps,
        skipped=tuple(sorted(context.skipped)),
        cart=context.cart,
        purchased=tuple(product_id for product_id, _ in context.purchased),
        seen_unclicked=titles.named(unclicked),
        views=visitor.profile.views,
        carts=visitor.profile.carts,
        purchases=visitor.profile.purchases,
    )


def tell_context(context: Context, knowledge: Knowledge, titles: Titles) -> ContextTold:
    """Tell the context vector by name, as the features see it."""
    catalogue, facts = knowledge.catalogue, knowledge.facts
    shelves = Counter(catalogue.category_of(product_id) for product_id in context.views)
    total = len(context.views) or 1
    prices = facts.log_price[facts.rows_of(context.views)].astype(np.float64)
    known = prices[~np.isnan(prices)]
    usual = round(math.exp(float(known.mean())), 2) if len(known) else None
    return ContextTold(
        weights=titles.named(context.steps),
        profile=titles.named(context.profile_items),
        categories=tuple((name or "(none)", round(count / total, 4)) for name, count in shelves.most_common()),
        usual_price=usual,
        price_band=price_band(usual),
    )


def tell_sources(
    found: Found, context: Context, event: Event, knowledge: Knowledge, titles: Titles, most: int
) -> tuple[SourceTold, ...]:
    """Tell what each source offered, best first."""
    asked = query_of(context, event, knowledge)
    learned = knowledge.model.candidates(asked, limit=LIMIT, category_of=knowledge.leaf_of_item)
    facts, told = knowledge.facts, []
    for source, ranked in found.retrieved.found.items():
        names = [facts.speakers[row] for row in ranked.ids.tolist()]
        best = titles.named(zip(names[:most], ranked.scores[:most].tolist(), strict=True))
        unsold = len(learned[source].ids) - len(names) if source in learned else 0
        told.append(SourceTold(source, len(names), best, max(0, unsold)))
    return tuple(told)


class Account(NamedTuple):
    """A slate's way from candidates to its items."""

    items: tuple[ItemTold, ...]
    removed: tuple[RemovedTold, ...]


def tell_way(found: Found, knowledge: Knowledge, rules: SlateRules, titles: Titles, most: int) -> Account:
    """Tell what was removed and why, and how each item came to its rank."""
    request, candidates = found.decided.request, found.candidates
    come = stages(request, candidates, knowledge, rules)
    against = objections(request, candidates, come.listed, knowledge, rules)
    facts = knowledge.facts
    removed: dict[Objection, list[tuple[str, float]]] = {}
    for place, why in against.items():
        speaker = facts.speakers[candidates.rows[place]]
        removed.setdefault(why, []).append((speaker, float(candidates.relevance[place])))
    told = tuple(
        RemovedTold(why, len(pairs), titles.named(sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:most]))
        for why, pairs in sorted(removed.items(), key=lambda one: -len(one[1]))
    )
    return Account(tuple(_items(found, come, knowledge, rules, titles)), told)


def _items(found: Found, come: Stages, knowledge: Knowledge, rules: SlateRules, titles: Titles) -> Iterable[ItemTold]:
    request, candidates, decision = found.decided.request, found.candidates, found.decided.decision
    described = candidates_of(found.retrieved.found, request.context, knowledge)
    raw = raw_scores(described, request.context, knowledge.model.blend)
    weights, scores = knowledge.model.blend.weights, _judged(found, knowledge)
    for at, item in zip(come.order, decision.items, strict=True):
        place = int(come.listed.places[at])
        reserved = come.reserved if come.reserved and come.reserved.at == at else None
        times = round(float(candidates.times_shown[place]))
        emphasis = sum(
            weight * float(candidates.shares[candidates.sources.index(source), place])
            for source, weight in request.placement.emphasis.items()
            if source in candidates.sources
        )
        yield ItemTold(
            rank=item["rank"],
            product_id=item["product_id"],
            title=titles(item["product_id"]),
            score=item["score"],
            reason=item["reason"],
            blend=round(float(raw[place]), 4),
            contributions=_first_look(described, place)
            if knows_nobody(described.sources, (*request.context.steps, *request.context.profile_items))
            else _contributions(described.features[place], weights),
            emphasis=round(emphasis, 4),
            fatigue=round(rules.fatigue**times, 4),
            times_shown=times,
            ranks=(0 if reserved and reserved.alone else at + 1, _rank(come.diverse, at), _rank(come.capped, at)),
            explored=decision.explored is not None and decision.explored.rank == item["rank"],
            reserved=reserved is not None,
            judged=scores[place],
        )


def _judged(found: Found, knowledge: Knowledge) -> Sequence[float | None]:
    """Give what the table in use says of each candidate, 0..10."""
    judged, rows = found.candidates.judged, found.candidates.rows
    if judged.used < 0:
        return [None] * len(rows)
    return knowledge.judgements.scores(judged.keys[judged.used], rows, found.decided.request.context.at_ms)


def _rank(order: Sequence[int], at: int) -> int:
    return order.index(at) + 1 if at in order else 0


def _first_look(described: Described, place: int) -> tuple[tuple[str, float], ...]:
    """Give what each source adds where nothing is known of the visitor."""
    told = [
        (source, round(WEIGHTS.get(source, 0.0) * float(share), 4))
        for source, share in zip(described.sources, described.shares[:, place], strict=True)
    ]
    return tuple(sorted((pair for pair in told if pair[1]), key=lambda pair: -pair[1]))


def _contributions(features: np.ndarray, weights: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Sum log-odds by source, the three columns of each together; what is no source's stands by itself."""
    found: dict[str, float] = {"intercept": INTERCEPT}
    for name, value in zip(FEATURES, features.tolist(), strict=True):
        source = name.partition(".")[0]
        found[source] = found.get(source, 0.0) + value * weights[name]
    told = [(name, round(value, 4)) for name, value in found.items() if abs(value) >= LEAST_LOG_ODDS]
    return tuple(sorted(told, key=lambda pair: -abs(pair[1])))
