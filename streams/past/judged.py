"""Tell what a slate was judged by, and what judgements changed of it."""

from collections.abc import Sequence

from models.knowledge import Knowledge
from schemas.slates import Slate
from streams.deciding import covered, judged_by
from streams.past.accounts import Titles
from streams.past.again import Found
from streams.past.explanation import JudgedTold, MoveTold


def tell_judged(found: Found, knowledge: Knowledge) -> JudgedTold | None:
    """Tell what the candidates were judged by; None where there was nothing to judge by."""
    judged = found.candidates.judged
    told = judged_by(judged, covered=covered(judged, knowledge))
    if told is None:
        return None
    table = judged.keys[judged.used].encode().decode() if judged.used >= 0 else ""
    return JudgedTold(told.segment, told.intent, told.by, table, told.hits, told.of, told.covered)


def tell_moves(revisions: Sequence[Slate], size: int, titles: Titles) -> tuple[MoveTold, ...]:
    """Tell the ranks of what is shown before the judgements or after, by the rank after; nothing without a revision.

    Args:
        revisions: of one slate, in order.
        size: shown products.
        titles: of products.
    """
    if len(revisions) < 2:
        return ()
    before, after = ({item.product_id: item.rank for item in one.items} for one in (revisions[0], revisions[-1]))
    shown = {name for ranks in (before, after) for name, rank in ranks.items() if rank <= size}
    order = sorted(shown, key=lambda name: (after.get(name, len(after) + 1), before.get(name, 0)))
    return tuple(MoveTold(name, titles(name), before.get(name), after.get(name)) for name in order)
