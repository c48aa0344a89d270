"""What is learned from one event: one record, with the context as it was before."""

from collections.abc import Callable, Iterable

from models.catalogue import Catalogue
from models.context import Moment, cart_of, learned_context
from models.session_rules import SessionRules
from models.visit import kind_of
from schemas.events import Event
from schemas.learning import LearningStep, Origin, StepKind, Weighted

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
    )


def unknown_to(catalogue: Catalogue, step: LearningStep) -> tuple[int, ...]:
    """Say which of a step's names are no product's, by place; none while there are no products to tell by."""
    if not len(catalogue):
        return ()
    return tuple(place for place, item in enumerate(step.names()) if not catalogue.variants(item))


def forget_step(event: Event, origin: Origin, user_id: str | None) -> LearningStep:
    """Write that a visitor, and the user they are known to be, must be erased from everything learned."""
    return LearningStep.model_construct(
        origin=origin, at=event.at, visitor_id=event.visitor_id, user_id=event.user_id or user_id, kind="forget"
    )
