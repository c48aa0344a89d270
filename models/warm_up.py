"""Compiling before the first event, so that no visitor waits for it."""

from models.blend import describe
from models.items import mask_of
from models.model import Model, ModelRules, Query
from schemas.learning import LearningStep, Origin
from schemas.record import from_epoch_ms


def warm_up() -> None:
    """Compile every kernel once (about 15 s the first time, then from numba's cache)."""
    model = Model(ModelRules(items=1_024, people=16, users=16, sessions=16, pair_cells=64))
    for offset in range(2):
        step = LearningStep(
            origin=Origin(topic="warm", partition=0, offset=offset), at=from_epoch_ms(0), visitor_id="v", session="s",
            kind="cart", items=(("a", 1.0), ("b", 1.0)), context=(("c", 1.0),),
        )  # fmt: skip
        model.learn_one(step, offset)
    found = model.candidates(Query(items=(("a", 1.0),), session=None, key="v", cart=("a",)))
    model.blend.score(describe(found).features)
    model.history.learn_one("v", 0, weight=-1.0, at_ms=0)
    gone = mask_of([0], model.items.rows)
    for table in (model.covisitation, model.session_knn, model.trending, model.history, model.complements):
        table.drop(gone)
