"""What a product and a session weigh, from the arrays that hold them."""

import numpy as np
from kernel_decision import TimedIndex

from models.knowledge import Knowledge
from models.model import Model


def product_bytes(knowledge: Knowledge, index: TimedIndex) -> dict[str, float]:
    """Give bytes a product by table: a row of each of its arrays, without the room they keep for more."""
    model, facts = knowledge.model, knowledge.facts
    pairs, knn, bpr, popular = model.covisitation, model.session_knn, model.session_bpr, model.trending
    together, items, vectors = model.complements, model.factors.items, index._table
    coded = index._coded
    return {
        "session_knn": _row(knn.postings, knn.posted, knn._sums),
        "covisitation": _row(pairs.ids, pairs.weights, pairs.used, pairs._sums),
        "session_bpr": _row(bpr.vectors, bpr.biases, bpr.live, bpr._seen),
        "popular": _row(popular.weight, popular._place, model.counts, model.items.seen),
        "together, once bought": _row(together.ids, together.weights, together.used, together.bought, together._sums),
        "factors, once bought": _row(items.latents.matrix.T, items.biases.vector, items.live),
        "catalogue facts": _row(
            facts.leaf, facts.parent, facts.log_price, facts.offer, facts.since_ms, facts.restricted
        ),
        "its vector": _row(vectors.matrix, vectors.codes),
        "the search index": _row(vectors.matrix, vectors.codes, *coded._head, *coded._rest, coded._lengths),
    }


def session_bytes(model: Model) -> dict[str, float]:
    """Give bytes a session and a person by table, without their names."""
    knn, history, users = model.session_knn, model.history, model.factors.users
    return {
        "a session among the neighbours": _row(knn.number, knn.items, knn.length, knn.total, knn.owners),
        "a person's history": _row(history.ids, history.weights, history.used, history.at_ms),
        "a person's factors, once they bought": _row(users.latents.matrix.T, users.biases.vector, users.live),
    }


def _row(*arrays: np.ndarray) -> float:
    return float(sum(array[:1].nbytes for array in arrays))
