"""Small logs for evaluations, made by hand: every visit looks at products of one family, one after the other."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np

from models.constants import Constants
from models.content import Content
from models.knowledge import Knowledge
from models.model import Model, ModelRules
from streams.adapters.numpy_index import NumpyVectorIndex
from streams.evaluation.plan import Plan
from streams.runs.display import Watch
from streams.runs.shelf import products_of
from streams.sources.event_file import EventFile
from streams.sources.formats import open_events

SMALL = ModelRules(items=1_024, people=256, users=256, sessions=256, pair_cells=1_024, blend_first=20)
VISIT_S, LOOK_S = 10_000, 90


class Silent:
    """Watches a run and says nothing."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""

    def reached(self, done: int) -> None:
        """Go on."""


def visits(folder: Path, count: int, *, families: int = 12, key: str = "session", new: bool = False) -> EventFile:
    """Write a log of visits.

    Args:
        folder: where it goes.
        count: visits.
        families: so many there are, of five products each; a visit looks at three of one of them.
        key: what the log names, `session` or `user`.
        new: every second visit is to a family that nobody has looked at before.
    """
    random = Random(7)
    lines = ["who,item,at"]
    for visit in range(count):
        family = visit + families if new and visit % 2 else random.randrange(families)
        for place, product in enumerate(random.sample(range(5), 3)):
            lines.append(f"v{visit},f{family}.{product},{1_700_000_000 + visit * VISIT_S + place * LOOK_S}")
    path = folder / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    return open_events(path, "csv", columns=f"{key}=who,item=item,time=at")


def plan_of(file: EventFile, **fields: object) -> Plan:
    """Plan to ask the last half of a log what comes next that is new to the visit, with lists of three."""
    usual = {"last": 0.5, "protocols": ("prequential",), "targets": "new", "k": 3, "constants": Constants(model=SMALL)}
    return Plan(train=file, **(usual | fields))  # type: ignore[arg-type]


def opened_with(model: Callable[[ModelRules], Model] = Model, *, vectors: bool) -> Callable[[Plan, Watch], Knowledge]:
    """Open shops with this model, and with vectors that know the family or with none."""

    def opened(plan: Plan, watch: Watch) -> Knowledge:
        content = Content(lambda _model, dim: NumpyVectorIndex(dim))
        knowledge = Knowledge(content=content, model=model(plan.constants.model))
        for product in products_of(plan.train):
            knowledge.put_product(product)
            if vectors:
                content.put(product.product_id, vector_of(product.product_id), "", model="m")
        return knowledge

    return opened


def vector_of(product_id: str) -> np.ndarray:
    """Point where the family points, and a little elsewhere."""
    names = product_id.partition(".")[0], product_id
    family, own = (np.random.default_rng(list(name.encode())).normal(size=32) for name in names)
    return (family + 0.1 * own).astype(np.float32)
