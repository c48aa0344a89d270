"""How much a step says: engaged time from pings, gaps without them, bounces."""

import math
from functools import lru_cache

from models.session_rules import SessionRules
from models.visitor import UNKNOWN, Step
from schemas.learning import StepKind

LOOKING: frozenset[StepKind] = frozenset({"view", "click"})
"""Steps that have a dwell; acts (cart, purchase, remove) count in full."""

BEATS = 53
"""Heartbeats told apart, as many bits as every JSON reader keeps of an integer; later ones wrap around."""


def beat(step: Step, at_ms: int, rules: SessionRules) -> int:
    """Give the bit of the heartbeat a ping falls into; pings of one heartbeat, and in any order, come to the same."""
    return 1 << ((at_ms - step.at_ms) // rules.heartbeat_ms % BEATS)


def dwell_ms(step: Step, rules: SessionRules) -> int:
    """Give the engaged time on a step.

    heartbeat x (distinct pings - 1) + minimum visit, or what the tracker measured where that is longer; without pings
    the gap to the visitor's next event.

    Returns:
        milliseconds, 0..`dwell_cap_ms`, or `UNKNOWN`.

    Source:
        Snowplow, engaged time of the page-view models.
    """
    engaged = step.told_ms
    if step.beats:
        counted = rules.heartbeat_ms * (step.beats.bit_count() - 1) + rules.minimum_visit_ms
        engaged = max(engaged, counted)
    elif not engaged:
        engaged = step.gap_ms
    return min(engaged, rules.dwell_cap_ms)


def step_weight(step: Step, rules: SessionRules) -> float:
    """Give kind weight x engagement of a step; recency is its place's and comes on top.

    engagement = min(1, log1p(dwell) / log1p(full dwell)) x (0.5 + 0.5 scroll), where what is not known leaves its
    factor at 1; a bounce has its own weight. Without `rules.engagement` it is the kind weight alone.

    >>> step_weight(Step("p", "view", 0), SessionRules())
    1.0
    >>> step_weight(Step("p", "view", 0, gap_ms=2_000), SessionRules())
    -0.2
    """
    weight = rules.kind_weights[step.kind]
    if step.kind not in LOOKING or not rules.engagement:
        return weight
    dwell = dwell_ms(step, rules)
    if dwell != UNKNOWN:
        if dwell < rules.bounce_ms and step.scroll <= 0:
            return rules.bounce
        if dwell < rules.full_dwell_ms:
            weight *= math.log1p(dwell / 1000) / math.log1p(rules.full_dwell_ms / 1000)
    return weight if step.scroll == UNKNOWN else weight * (0.5 + step.scroll / 200)


@lru_cache(maxsize=4096)
def recency(age: int, half_life_steps: float) -> float:
    """Halve every so many steps; never with an infinite half-life."""
    return 0.5 ** (age / half_life_steps)
