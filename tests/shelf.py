"""A small shop to decide slates in: products on a few shelves, vectors that know the shelf, a model taught by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from models.content import Content
from models.features import Candidates, score
from models.knowledge import Knowledge
from models.model import Model, ModelRules
from models.placements import PLACEMENTS, Placement
from models.retrieval import retrieve
from models.session import Context
from models.shortlist import Request, SlateRules
from models.slate import Decision, decide
from schemas.events import Event, EventName, Item
from schemas.learning import LearningStep, Origin
from schemas.products import Product
from schemas.record import epoch_ms, from_epoch_ms
from streams.adapters.numpy_index import NumpyVectorIndex

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SHELVES = ("boots", "tents", "mugs", "lamps")
BY_NAME = {placement.name: placement for placement in PLACEMENTS}
DIM = 16


class Shelf:
    """Four shelves of `each` products: boots0, boots1, ..., tents0, ..."""

    def __init__(self, each: int = 20) -> None:
        rules = ModelRules(items=1_024, people=64, users=64, sessions=64, pair_cells=1_024)
        self.knowledge = Knowledge(content=Content(lambda _model, dim: NumpyVectorIndex(dim)), model=Model(rules))
        self._steps = 0
        for shelf in SHELVES:
            for n in range(each):
                self.put(f"{shelf}{n}", category=("shop", shelf), price=10.0 + n)

    def put(self, product_id: str, *, category: tuple[str, ...] = ("shop", "boots"), **fields: Any) -> None:
        """Sell a product, with a vector that lies beside those of its shelf."""
        product = Product(product_id=product_id, title=fields.pop("title", product_id), category=category, **fields)
        self.knowledge.put_product(product)
        place = SHELVES.index(category[-1]) if category[-1] in SHELVES else DIM - 1
        vector = np.zeros(DIM, np.float32)
        vector[place] = 1.0
        noise = np.random.default_rng(int.from_bytes(product_id.encode()[-4:], "big")).random(DIM, np.float32)
        self.knowledge.content.put(product_id, vector + 0.3 * noise, "", model="m")

    def browse(self, *products: str, kind: str = "view", visitor: str = "somebody") -> None:
        """Let somebody look at products one after the other."""
        for at, product_id in enumerate(products):
            before = products[max(0, at - 10) : at]
            step = LearningStep(
                origin=Origin(topic="t", partition=0, offset=self._steps),
                at=from_epoch_ms(epoch_ms(NOON) + self._steps),
                visitor_id=f"{visitor}{self._steps - at}",
                session=f"s{self._steps - at}",
                kind=kind,
                items=((product_id, 1.0),),
                context=tuple((one, 1.0) for one in before),
            )
            self.knowledge.model.learn_one(step, self._steps)
            self._steps += 1

    def context(self, *views: str, **fields: Any) -> Context:
        """Give a visitor who has looked at products, the last one just now."""
        known = {
            "visitor_id": "v", "session_id": "now", "at_ms": epoch_ms(NOON), "consent": True, "views": views,
            "steps": tuple((product_id, 1.0) for product_id in views),
        }  # fmt: skip
        return Context(**(known | fields))

    def candidates(self, context: Context, *, name: EventName = "view_item", items: Sequence[str] = ()) -> Candidates:
        """Find and score what an event of this visitor brings up."""
        return score(retrieve(context, event(name, *items), self.knowledge).found, context, self.knowledge)

    def slate(
        self,
        context: Context,
        placement: str = "home",
        *,
        anchors: tuple[str, ...] = (),
        slate_id: str = "s-0-1-home-0000",
        name: EventName = "view_item",
        rules: SlateRules | None = None,
        at: datetime = NOON,
    ) -> Decision:
        """Decide a slate for an event with the anchors."""
        shelf: Placement = BY_NAME[placement]
        request = Request(slate_id=slate_id, placement=shelf, context=context, anchors=anchors, at=at)
        found = self.candidates(context, name=name, items=anchors)
        return decide(request, found, self.knowledge, rules or SlateRules())


def event(name: EventName, *products: str) -> Event:
    """Make an event."""
    items = tuple(Item(product_id=product_id) for product_id in products)
    return Event(event_id="e", name=name, visitor_id="v", at=NOON, items=items, consent="personalisation")


def ids(decision: Decision) -> list[str]:
    """Name the products of a slate, reserves included."""
    return [item["product_id"] for item in decision.items]


def later(days: float) -> datetime:
    """Give a time after noon."""
    return NOON + timedelta(days=days)
