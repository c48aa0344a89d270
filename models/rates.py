"""Who is too fast for a person, by event time."""

from models.session_rules import HOUR_MS, MINUTE_MS, SessionRules
from models.visitor import Rates
from schemas.events import Event

SLOT_MS = 5 * MINUTE_MS

MOST_TIMES = 100
"""A limit per minute above this is no limit: the times it would need are not kept."""


def counted(rates: Rates, event: Event, clock_ms: int, rules: SessionRules, *, again: bool = False) -> Rates:
    """Count an event.

    Args:
        rates: what was counted before.
        event: any event; several products viewed at once are several views.
        clock_ms: the visitor's newest event time, so that late events do not slip through.
        rules: constants.
        again: the view was counted with the click that led to it.
    """
    looked = event.name in {"view_item", "select_item"} and not again
    views = len(event.items) if looked else 0
    triggers = 1 if event.name in rules.triggers else 0
    return Rates(
        views=_minute(rates.views, clock_ms, views, rules.views_per_minute),
        triggers=_minute(rates.triggers, clock_ms, triggers, rules.slates_per_minute),
        hour=_hour(rates.hour, clock_ms, views),
    )


def _minute(times: tuple[int, ...], clock_ms: int, count: int, limit: int) -> tuple[int, ...]:
    """Keep the times of the last minute; one more than the limit is all that needs to be known."""
    if limit > MOST_TIMES:
        return ()
    recent = (
        times if not times or clock_ms - times[0] < MINUTE_MS else tuple(t for t in times if clock_ms - t < MINUTE_MS)
    )
    return (*recent, *([clock_ms] * min(count, limit + 1)))[-limit - 1 :] if count else recent


def _hour(slots: tuple[tuple[int, int], ...], clock_ms: int, count: int) -> tuple[tuple[int, int], ...]:
    slot = clock_ms // SLOT_MS
    if slots and slots[0][0] < slot - HOUR_MS // SLOT_MS:
        slots = tuple(pair for pair in slots if pair[0] >= slot - HOUR_MS // SLOT_MS)
    if not count:
        return slots
    if slots and slots[-1][0] == slot:
        return (*slots[:-1], (slot, slots[-1][1] + count))
    return (*slots, (slot, count))


def is_bot(rates: Rates, event: Event, clock_ms: int, rules: SessionRules) -> bool:
    """Say whether what a visitor does should teach nothing: declared crawlers, and more views than a person manages."""
    device = event.context.device if event.context else None
    if device is not None and device.casefold() in rules.crawlers:
        return True
    return len(rates.views) > rules.views_per_minute or _last_hour(rates, clock_ms) > rules.views_per_hour


def _last_hour(rates: Rates, clock_ms: int) -> float:
    """Count views of the last hour; of the slot it cuts through, its share."""
    oldest = clock_ms // SLOT_MS - HOUR_MS // SLOT_MS
    share = 1 - clock_ms % SLOT_MS / SLOT_MS
    return sum(count * share if slot == oldest else count for slot, count in rates.hour)


def is_throttled(rates: Rates, rules: SessionRules) -> bool:
    """Say whether more slates are asked for than anyone looks at."""
    return len(rates.triggers) > rules.slates_per_minute
