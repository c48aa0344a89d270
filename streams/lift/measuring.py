"""The same slates without and with judgements: how often each list was right, and how much of it was judged."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

import numpy as np

from models.blend import JUDGED, JUDGED_FLOOR
from models.judgements import Judged, Judgements
from models.kernel import hash63
from streams.evaluation.lists import BLEND, shown
from streams.evaluation.queries import Query
from streams.evaluation.recorder import Recorder, Table
from streams.evaluation.running import Trained
from streams.evaluation.shop import Asked, scored
from streams.evaluation.work import Posed

Cover = Literal["fine", "coarse", "in part", "not judged", "no key"]
"""How a slate was judged: covered by the key of its segment and intent, or by the coarser one; by either, but not
enough of its best; by none that is judged; or nothing is known of the visitor."""

COVERS: tuple[Cover, ...] = ("fine", "coarse", "in part", "not judged", "no key")


class Measured(NamedTuple):
    """What was found.

    Args:
        every: tables of all slates that were drawn; rankers are `blend`, which has no judgements, and `ranker(weight)`.
        where_judged: of those of them that had judgements.
        covers: how many slates were judged how.
    """

    every: list[Table]
    where_judged: list[Table]
    covers: Counter[Cover]


def measure(trained: Trained, names: Collection[int], weights: Collection[float]) -> Measured:
    """Work through the test part with judgements in force.

    Args:
        trained: the engine; its knowledge holds the judgements.
        names: of the slates that were drawn.
        weights: of the judgements.
    """
    shop, plan = trained.work.shop, trained.plan
    rankers = (BLEND, *map(ranker, weights))
    every, where_judged = (
        Recorder((), plan.k, trained.work.learned, shop.knowledge, variants=rankers) for _ in range(2)
    )
    covers: Counter[Cover] = Counter()
    for posed in trained.posed("reranking"):
        if name_of(posed) not in names:
            continue
        query = posed.query
        asked = shop.ask(posed.applied, context=query.context)
        lists = _lists(trained, asked, query, weights)
        cover = cover_of(asked.judged, shop.knowledge.judgements)
        covers[cover] += 1
        for recorder in (every, where_judged)[: 1 + (asked.judged.used >= 0)]:
            recorder.add(query, asked.context, lists, event_id=posed.event_id)
    return Measured(every.tables(), where_judged.tables(), covers)


def ranker(weight: float) -> str:
    """Name the lists that judgements have a say in.

    >>> ranker(6.0), ranker(2.5)
    ('judged', 'judged, weight 2.5')
    """
    return "judged" if weight == JUDGED_FLOOR else f"judged, weight {weight:g}"


def name_of(posed: Posed) -> int:
    """Name a slate: what it is drawn by."""
    return hash63(posed.event_id)


def cover_of(judged: Judged, judgements: Judgements) -> Cover:
    """Say how a slate was judged."""
    if not judged.keys:
        return "no key"
    if judged.used < 0:
        return "not judged"
    if not judgements.covered(judged, judged.used):
        return "in part"
    return "coarse" if judged.keys[judged.used].coarse else "fine"


def _lists(trained: Trained, asked: Asked, query: Query, weights: Collection[float]) -> Mapping[str, np.ndarray]:
    """Rank one moment's candidates without judgements, and with each weight of them."""
    blend, k = trained.work.shop.knowledge.model.blend, trained.plan.k
    now = blend.weights["judged"]
    shares = {BLEND: 0.0} | {ranker(weight): weight / now for weight in weights}
    return {name: shown(scored(_weighed(asked, share), blend), query, k) for name, share in shares.items()}


def _weighed(asked: Asked, share: float) -> Asked:
    """Scale the judgements; nothing has been learned of them, so a candidate without one loses nothing by that."""
    features = asked.described.features.copy()
    features[:, JUDGED] *= np.float32(share)
    return asked._replace(described=asked.described._replace(features=features))
