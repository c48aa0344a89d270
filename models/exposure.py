"""What the visitor has seen on slates, what of it was clicked, and what was passed over."""

from models.session_rules import SessionRules
from models.visit import name_hash
from models.visitor import Seen
from schemas.events import Event


def seen_more(shown: tuple[Seen, ...], event: Event, at_ms: int, rules: SessionRules) -> tuple[Seen, ...]:
    """Count an impression; products seen last stand at the end.

    An impression of several products names the rank of its first, or none for a slate seen from its top.
    """
    known = {seen.product_id: seen for seen in shown}
    slate = name_hash(event.shown.slate_id) if event.shown else 0
    first = event.shown.rank or 1 if event.shown else 1
    for rank, item in enumerate(event.items, first):
        before = known.pop(item.product_id, None)
        known[item.product_id] = (
            Seen(item.product_id, 1, at_ms, clicked=False, slate=slate, rank=rank)
            if before is None
            else before._replace(times=before.times + 1, last_ms=max(at_ms, before.last_ms), slate=slate, rank=rank)
        )
    return tuple(known.values())[-rules.shown :]


def clicked(shown: tuple[Seen, ...], event: Event, total: int) -> tuple[Seen, ...]:
    """Mark what an event visited, and what it passed over: seen on the same slate above the clicked rank.

    Args:
        shown: what was seen.
        event: a view, click, cart or purchase.
        total: the session's step count with this event.
    """
    products = {item.product_id for item in event.items}
    if not event.shown and products.isdisjoint([seen.product_id for seen in shown]):
        return shown
    slate, rank = (name_hash(event.shown.slate_id), event.shown.rank or 0) if event.shown else (0, 0)

    return tuple(
        [
            seen._replace(clicked=True, skipped=0)
            if seen.product_id in products
            else seen._replace(skipped=total)
            if seen.slate == slate != 0 and seen.rank < rank and not seen.clicked
            else seen
            for seen in shown
        ]
    )


def forgiven(shown: tuple[Seen, ...]) -> tuple[Seen, ...]:
    """Forget what was passed over, and where things stood: a new session has its own slates."""
    return tuple([seen._replace(slate=0, rank=0, skipped=0) if seen.slate else seen for seen in shown])


def ranks_on(slate_id: str, shown: tuple[Seen, ...]) -> dict[str, int]:
    """Give the ranks of what was seen on a slate and on none since, by product."""
    slate = name_hash(slate_id)
    return {seen.product_id: seen.rank for seen in shown if seen.slate == slate}
