"""Who somebody is to the shop, and what they are here for now: two short readable keys, worked out when needed.

A segment comes from the profile, as `loyal.mid.outdoor`: how often they come and buy, how dear they buy among what is
alike, and the department they buy most from. An intent comes from the session, as `outdoor/kids.low.comparing`: the
department that is looked at most, for whom, how dear, and how far the visit has come.
"""

from collections.abc import Iterable
from typing import NamedTuple

from models.context import Context
from models.facets import FacetTable, heaviest
from schemas.judgements import MAX_JUDGED, judgement_key

ANY = "any"

FINE_ROOM, COARSE_ROOM = 300, MAX_JUDGED
"""Products in the table of one segment and intent, and in that of everybody with an intent: who looks for outdoor gear
for kids comes from all over the shop. In the demo the best candidates of one coarse key are some 900 products: where
its table held 300, a fifth of the slates were covered after the first minute."""

LOYAL_PURCHASES = 2
"""From so many purchases on somebody is loyal."""


class JudgementKey(NamedTuple):
    """A segment and an intent, as they are judged."""

    segment: str
    intent: str

    def encode(self) -> bytes:
        """Write the key of its records."""
        return judgement_key(self.segment, self.intent)

    @property
    def coarse(self) -> bool:
        """Tell whether this is the key of everybody with an intent."""
        return self.segment == ANY

    @property
    def room(self) -> int:
        """Give how many products its table holds."""
        return COARSE_ROOM if self.coarse else FINE_ROOM


def keys_of(context: Context, facets: FacetTable) -> tuple[JudgementKey, ...]:
    """Name what a visitor's slates are judged by, the finest first.

    Args:
        context: the visitor.
        facets: of the products.

    Returns:
        at most two keys; none without consent, or where neither visit nor profile says anything.
    """
    if not context.consent:
        return ()
    segment = segment_of(context, facets)
    department, whom, tier = _looked_for(context.steps, facets)
    if not department:
        known = segment.rpartition(".")[2] != ANY
        return (JudgementKey(segment, f"{ANY}.{context.stage}"),) if known else ()
    about = f"{department}/{whom}"
    return JudgementKey(segment, f"{about}.{tier}.{context.stage}"), JudgementKey(ANY, about)


def segment_of(context: Context, facets: FacetTable) -> str:
    """Name a visitor's segment: loyalty, price tier and home department, as `returning.low.garden`."""
    orders = len({at_ms for _, at_ms in context.purchased})
    loyalty = "loyal" if orders >= LOYAL_PURCHASES else "returning" if context.n_sessions > 1 or orders else "new"
    bought = [(facets.of(product_id), weight) for product_id, weight in context.profile_items]
    department = heaviest((facet.department, weight) for facet, weight in bought)
    tier = heaviest(((facet.tier, weight) for facet, weight in bought), ANY)
    return f"{loyalty}.{tier}.{department or ANY}"


def _looked_for(steps: Iterable[tuple[str, float]], facets: FacetTable) -> tuple[str, str, str]:
    """Weigh the steps: the department, then for whom and how dear within it."""
    looked = [(facets.of(product_id), weight) for product_id, weight in steps]
    department = heaviest((facet.department, weight) for facet, weight in looked)
    within = [(facet, weight) for facet, weight in looked if facet.department == department]
    whom = heaviest(((facet.whom, weight) for facet, weight in within), ANY)
    tier = heaviest(((facet.tier, weight) for facet, weight in within), ANY)
    return department, whom, tier
