"""What is learned from one event: one record, with the context as it was before."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict

from models.catalogue import Catalogue
from models.context import Moment, cart_of, learned_context
from models.session_rules import SessionRules
from models.visit import kind_of
from schemas.events import Event
from schemas.learning import LearningStep, Origin, StepKind, Weighted
from schemas.record import epoch_ms

DAY_MS = 86_400_000
MOST_GAP_DAYS = 3650.0
CONTEXT_ITEMS, CART_ITEMS, MAX_ITEMS = 10, 50, 200


def learning_step(
    event: Event,
    before: Moment,
    origin: Origin,
    item_of: Callable[[str], str],
    rules: SessionRules,
    *,
    signs_in: bool = False,
) -> LearningStep | None:
    """Write what an event teaches: visits, carts and purchases with their kind weights, impressions with none.

    Args:
        event: what happened.
        before: the visitor just before it.
        origin: where the event stands.
        item_of: product id -> item.
        rules: constants.
        signs_in: the event is the first to say who a known visitor is.

    Returns:
        the step, or None: pings, pages, searches and lists teach nothing but who signs in with them, nor do events
        without products.
    """
    kind = _kind(event)
    if kind is None or not event.items:
        told = signs_in or (event.name == "identify" and event.user_id is not None)
        return _step(event, before, origin, "identify") if told else None
    weight = rules.refunded if kind == "refund" else rules.kind_weights.get(kind, 0.0)
    items = dict.fromkeys((item_of(item.product_id) for item in event.items), weight)
    # Of two variants of one group the one visited last speaks.
    context: dict[str, float] = {}
    for product_id, value in learned_context(before.session, rules, CONTEXT_ITEMS):
        item = item_of(product_id)
        context.pop(item, None)
        context[item] = value
    cart = dict.fromkeys(map(item_of, cart_of(before.session, before.profile)))
    return _step(event, before, origin, kind, items.items(), context.items(), tuple(cart)[-CART_ITEMS:])


def _kind(event: Event) -> StepKind | None:
    match event.name:
        case "impression":
            return "impression"
        case "refund":
            return "refund"
        case _:
            return kind_of(event)


def _step(
    event: Event,
    before: Moment,
    origin: Origin,
    kind: StepKind,
    items: Iterable[Weighted] = (),
    context: Iterable[Weighted] = (),
    cart: tuple[str, ...] = (),
) -> LearningStep:
    shown = event.shown
    # Everything in it was validated with the event; naming every field is what makes this quick.
    return LearningStep.model_construct(
        schema_version=LearningStep.VERSION,
        origin=origin,
        at=event.at,
        visitor_id=event.visitor_id,
        user_id=before.user_id,
        session=before.session.session_id or None,
        kind=kind,
        items=tuple(items)[:MAX_ITEMS],
        context=tuple(context),
        cart=cart,
        landing={},
        slate_id=shown.slate_id if shown else None,
        placement=shown.placement if shown else None,
        rank=shown.rank if shown else None,
        explored=None,
        variant={},
        row=None,
        unknown=(),
        leaves=(),
        cart_leaves=(),
        gap_days=(),
    )


def unknown_to(catalogue: Catalogue, step: LearningStep) -> tuple[int, ...]:
    """Say which of a step's names are no product's, by place; none while there are no products to tell by."""
    if not len(catalogue):
        return ()
    return tuple(place for place, item in enumerate(step.names()) if not catalogue.variants(item))


class Leaves(TypedDict):
    """What a step says of categories."""

    leaves: tuple[str, ...]
    cart_leaves: tuple[str, ...]


def leaves_in(step: LearningStep, leaf_of: Callable[[str], str]) -> Leaves:
    """Name the leaf categories of a cart's or purchase's items, and those that were in the cart before.

    Args:
        step: of any kind.
        leaf_of: item -> leaf category, empty text for none.
    """
    strong = step.kind in {"cart", "purchase"}
    leaves = tuple(leaf_of(item) for item, _ in step.items) if strong else ()
    cart = dict.fromkeys(leaf for item in step.cart if (leaf := leaf_of(item))) if strong else {}
    return Leaves(leaves=leaves if any(leaves) else (), cart_leaves=tuple(cart))


def gaps_in(
    step: LearningStep, purchased: Sequence[tuple[str, int]], item_of: Callable[[str], str]
) -> tuple[float, ...]:
    """Tell how many days ago each item of a purchase was bought before.

    Args:
        step: of any kind.
        purchased: (product, ms since 1970) of the visitor before the event, oldest first.
        item_of: product id -> item.

    Returns:
        days by place, 0 for what was not bought before or less than a day ago: an order in two parts is no repeat.
        Empty where nothing was.
    """
    if step.kind != "purchase" or not purchased:
        return ()
    before = {item_of(product_id): at_ms for product_id, at_ms in purchased}
    at_ms = epoch_ms(step.at)
    days = [(at_ms - before.get(item, at_ms)) / DAY_MS for item, _ in step.items]
    gaps = tuple(min(round(gap, 2), MOST_GAP_DAYS) if gap >= 1 else 0.0 for gap in days)
    return gaps if any(gaps) else ()


def forget_step(event: Event, origin: Origin, user_id: str | None) -> LearningStep:
    """Write that a visitor, and the user they are known to be, must be erased from everything learned."""
    return LearningStep.model_construct(
        origin=origin, at=event.at, visitor_id=event.visitor_id, user_id=event.user_id or user_id, kind="forget"
    )
