"""Tell a slate's candidates: what each source gave each of them, and what became of it."""

from collections.abc import Mapping, Sequence

from models.knowledge import Knowledge
from models.objections import objections
from models.shortlist import emphasised
from models.slate import stages
from schemas.errors import DecodeError
from schemas.events import Event
from schemas.slates import Evidence, Slate
from streams.console.told import CandidateTold, DecisionTold, ProductTold
from streams.deciding import ClicksRules
from streams.past.accounts import Titles, tell_way
from streams.past.again import Found, Recorded, answers_of, context_after, decide_again, state_of
from streams.past.judged import tell_judged
from streams.world import World

CANDIDATES_TOLD = 60
REMOVED_TOLD = 12

NOT_TAKEN = "others came first"


def tell_decision(
    slate: Slate, event: Event, evidence: Evidence, world: World, rules: ClicksRules
) -> tuple[DecisionTold | None, str]:
    """Decide a slate again with the world as it is, and tell the way.

    Returns:
        what is told, and nothing; or None, and why not.
    """
    knowledge = world.knowledge
    try:
        context = context_after(state_of(evidence), event, rules.session)
        found = decide_again(Recorded(slate, event, context, answers_of(evidence, knowledge)), knowledge, rules)
    except DecodeError as error:
        return None, f"It cannot be decided again: {error.detail}."
    titles, own = Titles(knowledge), world.lineage()
    way = tell_way(found, knowledge, rules.slates, titles, REMOVED_TOLD)
    explored, size = found.decided.decision.explored, found.decided.request.placement.size
    again = [item["product_id"] for item in found.decided.decision.items]
    before = [item.product_id for item in slate.items]
    sources = _by_worth(found)
    return DecisionTold(
        same_order=again == before,
        same_shown=again[:size] == before[:size],
        same_ranks=sum(one == other for one, other in zip(again[:size], before[:size], strict=False)),
        model=slate.lineage.model,
        told_with=own.model,
        same_settings=(own.settings, own.build) == (slate.lineage.settings, slate.lineage.build),
        shown=size,
        sources=sources,
        found=tuple((source, len(ranked.ids)) for source, ranked in found.retrieved.found.items()),
        timed_out=found.retrieved.timed_out,
        candidates=tuple(_candidates(found, sources, knowledge, rules)),
        of=len(found.candidates.rows),
        removed=way.removed,
        items=way.items,
        explored=None if explored is None else explored.model_dump(),
        judged=tell_judged(found, knowledge),
        weights=tuple(
            sorted(((name, round(float(value), 4)) for name, value in knowledge.model.blend.weights.items()))
        ),
    ), ""


def product_of(product_id: str, knowledge: Knowledge | None) -> ProductTold:
    """Tell a product; of one the catalogue does not have only its id."""
    product = knowledge.catalogue.get(product_id) if knowledge else None
    if product is None:
        return ProductTold(product_id, "", "", None)
    price = product.price if product.sale_price is None else product.sale_price
    return ProductTold(product_id, product.title, " > ".join(product.category), price)


def _by_worth(found: Found) -> tuple[str, ...]:
    """Order sources by how much of the candidates' shares is theirs."""
    candidates = found.candidates
    worth = dict(zip(candidates.sources, candidates.shares.sum(axis=1).tolist(), strict=True))
    return tuple(sorted(candidates.sources, key=lambda source: -worth[source]))


def _candidates(
    found: Found, sources: Sequence[str], knowledge: Knowledge, rules: ClicksRules
) -> Sequence[CandidateTold]:
    """Tell the best candidates, those on the slate among them, by relevance on this shelf."""
    request, candidates = found.decided.request, found.candidates
    come = stages(request, candidates, knowledge, rules.slates)
    against = objections(request, candidates, come.listed, knowledge, rules.slates)
    ranks = {int(come.listed.places[at]): rank for rank, at in enumerate(come.order, 1)}
    relevance = emphasised(request.placement, candidates, rules.slates)
    order = sorted(range(len(relevance)), key=lambda place: -float(relevance[place]))
    chosen = order[:CANDIDATES_TOLD] + [place for place in order[CANDIDATES_TOLD:] if place in ranks]
    shown_as = {rank: item["product_id"] for rank, item in enumerate(found.decided.decision.items, 1)}
    rows = [candidates.sources.index(source) for source in sources]
    judged, speakers = _judged(found, knowledge), knowledge.facts.speakers
    return [
        CandidateTold(
            product_of(shown_as[ranks[place]] if place in ranks else speakers[candidates.rows[place]], knowledge),
            relevance=round(float(relevance[place]), 4),
            shares=tuple(round(float(candidates.shares[row, place]), 3) for row in rows),
            judged=judged.get(place),
            rank=ranks.get(place),
            why="" if place in ranks else against.get(place, NOT_TAKEN),
        )
        for place in chosen
    ]


def _judged(found: Found, knowledge: Knowledge) -> Mapping[int, float]:
    """Give what the table in use says of each candidate, 0..10, by place."""
    judged = found.candidates.judged
    if judged.used < 0:
        return {}
    key, at_ms = judged.keys[judged.used], found.decided.request.context.at_ms
    scores = knowledge.judgements.scores(key, found.candidates.rows, at_ms)
    return {place: score for place, score in enumerate(scores) if score is not None}
