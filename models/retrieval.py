"""Where candidates come from: every source is asked once per event, then shared by the event's placements."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import numpy as np

from models.cold_start import WIDE_LIMIT, beside, cold_beside, narrowed, opening, text_for
from models.knowledge import Knowledge
from models.landing import landing_of
from models.model import Query
from models.placements import basket
from models.ranked import NONE, Ranked
from models.session import Context
from schemas.errors import DegradedError
from schemas.events import Event
from schemas.record import from_epoch_ms

LIMIT = 100
"""Candidates per source."""

NEW_LIMIT = 30

Found = Mapping[str, Ranked]
"""Candidates by source, as rows of the fact table: what is not in the catalogue cannot be shown."""


def query_of(context: Context, event: Event, knowledge: Knowledge) -> Query:
    """Turn the visitor's context into what the model is asked; without consent only this event's products count."""
    item_of = knowledge.catalogue.item_of
    if not context.consent:
        own = tuple((item_of(item.product_id), 1.0) for item in event.items[-10:])
        return Query(items=own, session=None, key="", cart=())
    return Query(
        items=tuple((item_of(product_id), weight) for product_id, weight in context.steps),
        session=context.session_id,
        key=context.user_id or context.visitor_id,
        cart=tuple(dict.fromkeys(item_of(product_id) for product_id in basket(event, context.cart))),
    )


class Retrieved(NamedTuple):
    """Candidates by source, and the sources that did not answer in time and are served without."""

    found: Found
    timed_out: tuple[str, ...]


def retrieve(context: Context, event: Event, knowledge: Knowledge, *, recorded: Retrieved | None = None) -> Retrieved:
    """Ask every source, once for all placements of an event.

    Args:
        context: the visitor just after the event.
        event: what happened.
        knowledge: what the sources know now.
        recorded: what the index once answered, `content` before `anchored` before `cold`; it is not asked again then.

    Returns:
        candidates of the model's sources, of `content` (near the session's vector), `anchored` (near the product being
        viewed), `words` or `campaign` (search words and what brought the visitor), `new`, and `cold` (what is hardly
        known and fits the session).
    """
    query = query_of(context, event, knowledge)
    learned = knowledge.model.candidates(query, limit=LIMIT, category_of=knowledge.leaf_of_item)
    if not query.items:
        learned["popular"] = knowledge.model.popularity(landing_of(context.landing))
    found = knowledge.crosswalk.rows(learned)
    said, text = text_for(context)
    words = knowledge.words.match(text, limit=LIMIT) if text else []
    found[said] = knowledge.facts.ranked(words)
    found["new"] = newest(from_epoch_ms(context.at_ms), knowledge)
    by_vector = _near(context, event, words, knowledge) if recorded is None else recorded
    # In this order wherever the answers come from: slates name sources in it.
    found |= {"content": NONE, "anchored": NONE, "cold": NONE} | dict(by_vector.found)
    found |= beside(found, context, event, knowledge)
    if not len(found["cold"].ids):
        found["cold"] = cold_beside(found, context, knowledge)
    found["new"] = opening(found, from_epoch_ms(context.at_ms), knowledge)
    return Retrieved({source: ranked for source, ranked in found.items() if len(ranked.ids)}, by_vector.timed_out)


def _near(context: Context, event: Event, words: Sequence[tuple[str, float]], knowledge: Knowledge) -> Retrieved:
    """Ask the index, and do without what does not come in time."""
    found, timed_out = {}, []
    for source, near in _by_vector(context, event, words, knowledge).items():
        try:
            found[source] = near()
        except DegradedError:
            timed_out.append(source)
    return Retrieved(narrowed(found, knowledge), tuple(timed_out))


def newest(at: datetime, knowledge: Knowledge) -> Ranked:
    """Give the newest items that can be bought, with falling scores."""
    found = knowledge.catalogue.newest(at, NEW_LIMIT)
    return knowledge.facts.ranked([(product_id, 1.0 - i / len(found)) for i, product_id in enumerate(found)])


def _by_vector(
    context: Context, event: Event, words: Sequence[tuple[str, float]], knowledge: Knowledge
) -> dict[str, Callable[[], Ranked]]:
    """Name what the index is to be asked."""
    neighbours = knowledge.neighbours
    asked: dict[str, Callable[[], Ranked]] = {}
    alone = len(context.steps) == len(context.views) == 1 and not context.profile_items
    if alone:  # one product's direction is the product's own
        asked["content"] = partial(neighbours.near_product, context.views[-1], WIDE_LIMIT)
    else:
        vector = session_vector(context, event, words, knowledge)
        if vector is not None:
            asked["content"] = partial(neighbours.near, vector, WIDE_LIMIT)
    if event.name == "view_item" and event.items:
        asked["anchored"] = partial(neighbours.near_product, event.items[0].product_id, WIDE_LIMIT)
    return asked


def session_vector(
    context: Context, event: Event, words: Sequence[tuple[str, float]], knowledge: Knowledge
) -> np.ndarray | None:
    """Point where the session is heading: its steps and profile, else what the words match.

    Returns:
        float32, shape (dim,), length 1; None without any known vector.
    """
    if context.consent:
        steps: list[tuple[str, float]] = list(context.steps)
        # The profile speaks while the session is short.
        share = 1.0 / (1 + len(steps))
        steps += [(product_id, weight * share) for product_id, weight in context.profile_items]
    else:
        steps = [(item.product_id, 1.0) for item in event.items[-10:]]
    return knowledge.content.session_vector(steps or words[:10])
