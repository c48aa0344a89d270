"""Compiling before the first event, so that no visitor waits for it."""

import numpy as np

from models.coded_rows import TURNED, CodedRows
from models.codes import dots
from models.content import Content
from models.features import score
from models.intent import keys_of
from models.items import mask_of
from models.knowledge import Knowledge
from models.model import Model, ModelRules
from models.placements import PLACEMENTS
from models.ports import VectorIndex
from models.retrieval import retrieve
from models.session import Context
from models.slate import Request, SlateRules, decide
from models.training import training_row
from schemas.events import Event, Item
from schemas.judgements import Judgement, JudgementTable
from schemas.learning import LearningStep, Origin
from schemas.products import Product
from schemas.record import from_epoch_ms

PRODUCTS = 60
"""More than the longest slate shows, so that there is something to explore and to learn from."""

AT = from_epoch_ms(1_700_000_000_000)


def warm_up() -> None:
    """Compile every kernel once (about 15 s the first time, then from numba's cache)."""
    model = Model(ModelRules(items=1_024, people=16, users=16, sessions=16, pair_cells=64))
    for offset in range(2):
        step = LearningStep(
            origin=Origin(topic="warm", partition=0, offset=offset), at=AT, visitor_id="v", session="s",
            kind="cart", items=(("p0", 1.0), ("p1", 1.0)), context=(("p2", 1.0),), landing={"country": "NL"},
            leaves=("kitchen > mugs", "kitchen > pans"),
        )  # fmt: skip
        model.learn_one(step, offset)
    model.popularity({"country": "NL"})
    _decide(Knowledge(content=Content(_no_index), model=model))
    _search()
    model.history.learn_one("v", 0, weight=-1.0, at_ms=0)
    gone = mask_of([0], model.items.rows)
    for table in model.by_item():
        table.drop(gone)


def _decide(knowledge: Knowledge) -> None:
    """Do for one view what the clicks agent does for each: a slate for every placement, and a training row."""
    for number in range(PRODUCTS):
        knowledge.put_product(Product(product_id=f"p{number}", title="Mug", category=("kitchen", "mugs"), price=1.0))
    event = Event(event_id="e", name="view_item", visitor_id="v", at=AT, items=(Item(product_id="p0"),))
    context = Context("v", consent=True, steps=(("p0", 1.0),), views=("p0",), cart=("p1",))
    _judge(knowledge, context)
    found = retrieve(context, event, knowledge).found
    candidates = score(found, context, knowledge)
    for placement in PLACEMENTS:
        request = Request(placement.name, placement, context, placement.anchors(event, context.cart), AT)
        decide(request, candidates, knowledge, SlateRules())
    training_row(("p2",), found, context, knowledge, event_id=event.event_id)


def _judge(knowledge: Knowledge, context: Context) -> None:
    """Let candidates be looked up in a table."""
    rules, (_, coarse) = knowledge.judgements.rules, keys_of(context, knowledge.facets)
    scores = {"p2": Judgement(score=5, text_hash="", judged_at=AT)}
    table = JudgementTable(
        segment=coarse.segment, intent=coarse.intent, model=rules.model, prompt_version=rules.prompt_version,
        scores=scores,
    )  # fmt: skip
    knowledge.judgements.put(coarse.encode(), table)


def _search() -> None:
    """Search as the exact index does."""
    for dim in (8, TURNED[0]):
        vectors = np.eye(dim, dtype=np.float32)[:8]
        coded = CodedRows(dim)
        coded.put(np.arange(8), vectors)
        dots(vectors, coded.promising(vectors, vectors[0], 1), vectors[0])


def _no_index(model: str, dim: int) -> VectorIndex:
    """Stand in for the index; without vectors it is never opened."""
    raise NotImplementedError(f"{model} {dim}")
