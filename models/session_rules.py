"""The constants of the session context, in one place."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar

from models.limits import MOST, Limits
from schemas.events import EventName
from schemas.learning import StepKind

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class SessionRules:
    """What sessions, engagement and bots are.

    Args:
        session_ms: a session ends after this long without an event.
        profile_ms: a visitor is forgotten after this long without an event.
        steps: steps kept of a session.
        shown: products kept that the visitor has seen on slates.
        entries: carts and purchases kept in the profile.
        seen: event ids kept to know duplicates by.
        max_bytes: hard limit of an encoded visitor; the oldest entries go first.
        query_chars: of a search this much is kept.
        heartbeat_ms: what one page ping stands for.
        minimum_visit_ms: what the first ping stands for.
        gaps: the gap to the next event is a dwell; False for logs whose times are too coarse to tell.
        engagement: dwell and scroll weigh a look, a bounce counts against a product; False: every look counts full.
        dwell_cap_ms: no dwell counts for more.
        full_dwell_ms: a dwell from here on is full engagement.
        bounce_ms: a shorter known dwell without scrolling is a bounce.
        arrival_ms: a product page opened this soon after a click on that product is that click's page.
        bounce: weight of a bounce.
        skipped: weight of a product that was seen above a clicked one and passed over.
        skips: so many skips, the newest, enter the steps; 0: none does.
        half_life_steps: a step's weight halves every so many steps; infinite: it never does.
        kind_weights: by kind of step.
        refunded: what a refund takes back from what was learned.
        views_per_minute: more product views than this are a bot's; above 100 there is no limit.
        views_per_hour: same.
        slates_per_minute: more events that ask for slates than this get none; above 100 there is no limit.
        crawlers: values of `context.device` by which crawlers declare themselves.
        triggers: events that may ask for slates.
    """

    session_ms: int = 30 * MINUTE_MS
    profile_ms: int = 180 * DAY_MS
    steps: int = 20
    shown: int = 64
    entries: int = 50
    seen: int = 64
    max_bytes: int = 8192
    query_chars: int = 128
    heartbeat_ms: int = 10_000
    minimum_visit_ms: int = 5_000
    gaps: bool = True
    engagement: bool = True
    dwell_cap_ms: int = 5 * MINUTE_MS
    full_dwell_ms: int = MINUTE_MS
    bounce_ms: int = 3_000
    arrival_ms: int = MINUTE_MS
    bounce: float = -0.2
    skipped: float = -0.1
    skips: int = 5
    half_life_steps: float = 5.0
    kind_weights: Mapping[StepKind, float] = field(
        default_factory=lambda: MappingProxyType(
            {"view": 1.0, "click": 1.0, "cart": 3.0, "purchase": 5.0, "remove": -2.0}
        )
    )
    refunded: float = -5.0
    views_per_minute: int = 20
    views_per_hour: int = 300
    slates_per_minute: int = 60
    crawlers: frozenset[str] = frozenset({"bot", "crawler", "spider"})
    triggers: frozenset[EventName] = frozenset(
        {"page_view", "view_item", "search", "add_to_cart", "remove_from_cart", "purchase"}
    )

    LIMITS: ClassVar[Mapping[str, Limits]] = {
        "session_ms": Limits(1_000, 365 * DAY_MS),
        "profile_ms": Limits(HOUR_MS, 3_650 * DAY_MS),
        "steps": Limits(1, 100),
        "shown": Limits(1, 1_000),
        "entries": Limits(1, 50),
        "seen": Limits(1, 1_000),
        "max_bytes": Limits(1_024, 1 << 20),
        "query_chars": Limits(1, 512),
        "heartbeat_ms": Limits(100, HOUR_MS),
        "minimum_visit_ms": Limits(0, HOUR_MS),
        "dwell_cap_ms": Limits(1, DAY_MS),
        "full_dwell_ms": Limits(1, DAY_MS),
        "bounce_ms": Limits(0, HOUR_MS),
        "arrival_ms": Limits(0, HOUR_MS),
        "bounce": Limits(-10, 10),
        "skipped": Limits(-10, 10),
        "skips": Limits(0, 100),
        "half_life_steps": Limits(0.01, 1_000),
        "kind_weights": Limits(-100, 100),
        "refunded": Limits(-100, 100),
        "views_per_minute": Limits(1, MOST),
        "views_per_hour": Limits(1, MOST),
        "slates_per_minute": Limits(1, MOST),
    }


def unweighted(rules: SessionRules) -> SessionRules:
    """Give the rules under which a step counts for its kind alone: no dwell, scroll, bounces, skips or recency.

    What is kept of a visitor is the same under both; contexts are derived from it either way.
    """
    return replace(rules, engagement=False, skips=0, half_life_steps=math.inf)
