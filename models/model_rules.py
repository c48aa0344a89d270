"""The model's constants, in one place."""

import hashlib
from dataclasses import asdict, dataclass

import orjson

from models.blend import Blend


@dataclass(frozen=True)
class ModelRules:
    """The model's constants; the defaults are the measured ones. Two models with different rules never share state.

    `unknown_items` of the `items` are for those no catalogue holds, at most half of them.
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
    trend_share: float = 1 / 30
    trend_max: int = 500_000
    landings: int = 1_000
    landing_items: int = 128
    landing_strength: float = 50.0
    landing_events: float = 20_000.0
    history_slots: int = 64
    history_half_life_days: float = 90.0
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
    basket_query: int = 50
    basket_length_power: float = 0.7
    cart_age_share: float = 0.5
    person_age_share: float = 0.1
    basket_idf: float = 0.3
    blend_first: int = 300
    seen_offsets: int = 8_192

    def fingerprint(self) -> str:
        """Hash the rules and the blend's version: what a snapshot has to match."""
        text = orjson.dumps({"blend": Blend.VERSION, **asdict(self)}, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()[:16]
