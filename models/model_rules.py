"""The model's constants, in one place."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import orjson

from models.blend import Blend
from models.limits import MOST, Limits


@dataclass(frozen=True)
class ModelRules:
    """The model's constants; the defaults are the measured ones. Two models with different rules never share state.

    Args:
        items: most items; the longest unseen go first.
        unknown_items: so many of them are for items no catalogue holds, at most half.
        people: most people with a history.
        users: most people with factors.
        sessions: most sessions in memory, a power of two.
        session_items: latest items kept of each session.
        postings: latest sessions kept per item.
        neighbours: sessions most like this one that are asked.
        position_decay: how fast a session's earlier items count less in finding its neighbours, in positions.
        step_decay: how fast a neighbour's items count less away from the shared one, in positions.
        session_age_share: age decay of neighbours as a fraction of the sessions seen.
        idf: weight of the rarity of an item that neighbours recommend.
        window: visits before a visit that it is paired with, and recent items a query is made of.
        slots: co-visited partners kept per item.
        transition_slots: followers kept per item.
        backward: weight of the earlier product after the later one, relative to forward.
        query_decay: weight of each earlier item of a query relative to the next.
        half_life_share: half-life of pairs as a fraction of the events seen.
        half_life_min: shortest half-life, in events.
        half_life_max: longest half-life of pairs, in events.
        own_click_weight: weight of a visit that our own slate brought about.
        pair_limit: additions a visitor may make to a pair in a day.
        pair_cells: memory of that limit.
        trend_share: half-life of popularity as a fraction of the events seen.
        trend_max: longest half-life of popularity, in events.
        landings: most landing contexts.
        landing_items: items kept of each landing context.
        landing_strength: events at which a landing context and its parent count alike.
        landing_events: a landing context's events in memory: beyond, all of them fade.
        history_slots: items kept of each person.
        history_half_life_days: a person's items halve every so many days.
        history_floor: recent events of an item that count as few in that.
        history_popularity: how far what others want now counts in what a person comes back to, 0 for not at all.
        factors: length of the factors.
        negatives: items drawn beside a bought one.
        latent_lr: step of the factors.
        bias_lr: step of the biases.
        bpr_factors: length of session BPR's vectors, a multiple of 16.
        bpr_negatives: items drawn beside each that is visited.
        bpr_lr: step of the vectors.
        bpr_l2: what shrinks them.
        bpr_context: latest items of a session that make its vector.
        bpr_decay: weight of each earlier one relative to the next.
        bpr_ring: latest events that items are drawn from.
        bpr_hops: co-visited items whose partners are looked at.
        bpr_scored: most items looked at.
        seed: of the generators, which are part of the state.
        together_slots: items bought together that are kept per item.
        together_least: common baskets below which a pair is no evidence.
        together_shrink: common baskets at which a pair counts half.
        together_popularity: how far a partner's own popularity counts against it, 0 (not at all) to 1 (lift).
        leaves: most leaf categories.
        leaf_slots: complementary categories kept of each.
        leaf_items: most bought items kept of each.
        repurchase_gaps: latest gaps between two purchases of one item by one person kept per leaf category.
        repurchase_least: gaps from which their median counts.
        baskets: most baskets in memory, a power of two.
        basket_items: items kept of each basket.
        basket_postings: latest baskets kept per item.
        basket_neighbours: baskets most like the cart or the person that are asked.
        basket_query: items of a person's history that are looked for.
        basket_length_power: how far long baskets count less.
        cart_age_share: age decay of the baskets that complete a cart, as a fraction of those seen.
        person_age_share: same, of those that foresee a person's next one.
        basket_idf: weight of the rarity of an item that baskets recommend.
        blend_first: training rows learned before learned weights count at all.
        blend_lr: AdaGrad's step.
        seen_offsets: offsets remembered per source partition, so that nothing is learned twice.
    """

    items: int = 200_000
    unknown_items: int = 10_000
    people: int = 200_000
    users: int = 500_000
    sessions: int = 1 << 19
    session_items: int = 20
    postings: int = 500
    neighbours: int = 500
    position_decay: float = 1.5
    step_decay: float = 3.0
    session_age_share: float = 0.5
    idf: float = 0.1
    window: int = 10
    slots: int = 100
    transition_slots: int = 50
    backward: float = 0.6
    query_decay: float = 0.6
    half_life_share: float = 1 / 3
    half_life_min: int = 5_000
    half_life_max: int = 3_000_000
    own_click_weight: float = 0.5
    pair_limit: int = 3
    pair_cells: int = 1 << 20
    trend_share: float = 1 / 100
    trend_max: int = 500_000
    landings: int = 1_000
    landing_items: int = 128
    landing_strength: float = 10.0
    landing_events: float = 20_000.0
    history_slots: int = 64
    history_half_life_days: float = 90.0
    history_popularity: float = 0.75
    history_floor: float = 50.0
    factors: int = 32
    negatives: int = 5
    latent_lr: float = 0.05
    bias_lr: float = 0.02
    bpr_factors: int = 128
    bpr_negatives: int = 10
    bpr_lr: float = 0.1
    bpr_l2: float = 0.001
    bpr_context: int = 8
    bpr_decay: float = 0.7
    bpr_ring: int = 1 << 16
    bpr_hops: int = 10
    bpr_scored: int = 500
    seed: int = 88_172_645_463_325_252
    together_slots: int = 64
    together_least: int = 3
    together_shrink: float = 5.0
    together_popularity: float = 0.4
    leaves: int = 5_000
    leaf_slots: int = 32
    leaf_items: int = 24
    repurchase_gaps: int = 64
    repurchase_least: int = 30
    baskets: int = 1 << 17
    basket_items: int = 64
    basket_postings: int = 100
    basket_neighbours: int = 300
    basket_query: int = 100
    basket_length_power: float = 0.7
    cart_age_share: float = 0.5
    person_age_share: float = 0.1
    basket_idf: float = 0.3
    blend_first: int = 300
    blend_lr: float = 0.1
    seen_offsets: int = 8_192

    LIMITS: ClassVar[Mapping[str, Limits]] = {
        "items": Limits(1_000, MOST),
        "unknown_items": Limits(300, MOST),
        "people": Limits(1, MOST),
        "users": Limits(1, MOST),
        "sessions": Limits(1, MOST, power_of_two=True),
        "session_items": Limits(2, 200),
        "postings": Limits(1, 10_000),
        "neighbours": Limits(1, 10_000),
        "position_decay": Limits(0.01, 1_000),
        "step_decay": Limits(0.01, 1_000),
        "session_age_share": Limits(0.001, 1_000),
        "idf": Limits(0, 10),
        "window": Limits(1, 10),
        "slots": Limits(1, 10_000),
        "transition_slots": Limits(1, 10_000),
        "backward": Limits(0, 10),
        "query_decay": Limits(0.1, 1),
        "half_life_share": Limits(0.001, 1_000),
        "half_life_min": Limits(100, MOST),
        "half_life_max": Limits(100, MOST),
        "own_click_weight": Limits(0.01, 1),
        "pair_limit": Limits(1, 255),
        "pair_cells": Limits(1_024, MOST, power_of_two=True),
        "trend_share": Limits(0.0001, 1_000),
        "trend_max": Limits(100, MOST),
        "landings": Limits(1, 1_000_000),
        "landing_items": Limits(1, 100_000),
        "landing_strength": Limits(0.01, 1_000_000),
        "landing_events": Limits(1, MOST),
        "history_slots": Limits(1, 10_000),
        "history_half_life_days": Limits(0.01, 36_500),
        "history_floor": Limits(0.01, MOST),
        "history_popularity": Limits(0, 10),
        "factors": Limits(8, 1_024, multiple_of=8),
        "negatives": Limits(1, 100),
        "latent_lr": Limits(0.0001, 1),
        "bias_lr": Limits(0.0001, 1),
        "bpr_factors": Limits(16, 1_024, multiple_of=16),
        "bpr_negatives": Limits(1, 100),
        "bpr_lr": Limits(0.0001, 0.3),
        "bpr_l2": Limits(0, 1),
        "bpr_context": Limits(1, 10),
        "bpr_decay": Limits(0.01, 1),
        "bpr_ring": Limits(1, MOST),
        "bpr_hops": Limits(0, 100),
        "bpr_scored": Limits(1, 100_000),
        "seed": Limits(1, (1 << 63) - 1),
        "together_slots": Limits(1, 10_000),
        "together_least": Limits(1, 10_000),
        "together_shrink": Limits(0, 1_000_000),
        "together_popularity": Limits(0, 1),
        "leaves": Limits(256, MOST),
        "leaf_slots": Limits(1, 10_000),
        "leaf_items": Limits(1, 10_000),
        "repurchase_gaps": Limits(1, 10_000),
        "repurchase_least": Limits(1, 10_000),
        "baskets": Limits(1, MOST, power_of_two=True),
        "basket_items": Limits(2, 200),
        "basket_postings": Limits(1, 10_000),
        "basket_neighbours": Limits(1, 10_000),
        "basket_query": Limits(1, 10_000),
        "basket_length_power": Limits(0, 1),
        "cart_age_share": Limits(0.001, 1_000),
        "person_age_share": Limits(0.001, 1_000),
        "basket_idf": Limits(0, 10),
        "blend_first": Limits(1, 1_000_000),
        "blend_lr": Limits(0.0001, 10),
        "seen_offsets": Limits(1, 1_000_000),
    }

    def fingerprint(self) -> str:
        """Hash the rules and the blend's version: what a snapshot has to match."""
        text = orjson.dumps({"blend": Blend.VERSION, **asdict(self)}, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()[:16]
