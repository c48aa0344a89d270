"""What one slate takes at full size: candidates of every source, blend, filters, MMR, exploration, reasons."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from kernel_shop import Session, moment

from models.features import score
from models.knowledge import Knowledge
from models.placements import PLACEMENTS
from models.ports import Neighbour
from models.retrieval import retrieve
from models.session import Context
from models.slate import Request, SlateRules, decide
from schemas.events import Event
from streams.adapters.numpy_index import NumpyVectorIndex

RULES = SlateRules()
PLACEMENT = next(placement for placement in PLACEMENTS if placement.name == "product")
UNCOUNTED = 50

WHOLE, WALL, SEARCH, REST = "whole", "whole, wall", "vector search", "whole, without the search"
SOURCES, BLEND, SLATE = "candidates, without the search", "blend", "filter, MMR, explore, explain"
FOUND = "candidates"


class TimedIndex(NumpyVectorIndex):
    """The index that serves by default; it adds up what it spends searching, in seconds of CPU."""

    spent_s = 0.0

    def near(
        self, vector: np.ndarray, *, limit: int, category: str | None = None, exclude: Collection[str] = ()
    ) -> list[Neighbour]:
        """Find the nearest products."""
        began = time.thread_time()
        found = super().near(vector, limit=limit, category=category, exclude=exclude)
        self.spent_s += time.thread_time() - began
        return found


class Percentiles(NamedTuple):
    """Of one stage, us; of `candidates` a count."""

    p50: float
    p99: float


def deciding(knowledge: Knowledge, index: TimedIndex, sessions: Sequence[Session]) -> dict[str, Percentiles]:
    """Decide the product page's slate for visitors the model and the index have not been asked about before."""
    moments = [moment(session, f"n{number}") for number, session in enumerate(sessions)]
    all_spent = [_decide(knowledge, index, *one) for one in moments][UNCOUNTED:]
    return {stage: _percentiles(spent[stage] for spent in all_spent) for stage in all_spent[0]}


def _decide(knowledge: Knowledge, index: TimedIndex, context: Context, event: Event) -> Mapping[str, float]:
    """Give what a decision spent by stage, us of the thread's CPU."""
    index.spent_s = 0.0
    wall, began = time.perf_counter(), time.thread_time()
    found = retrieve(context, event, knowledge).found
    retrieved = time.thread_time()
    candidates = score(found, context, knowledge)
    scored = time.thread_time()
    anchors = PLACEMENT.anchors(event, context.cart)
    decide(Request(event.event_id, PLACEMENT, context, anchors, event.at), candidates, knowledge, RULES)
    ended = time.thread_time()
    return {
        WHOLE: (ended - began) * 1e6,
        WALL: (time.perf_counter() - wall) * 1e6,
        SEARCH: index.spent_s * 1e6,
        REST: (ended - began - index.spent_s) * 1e6,
        SOURCES: (retrieved - began - index.spent_s) * 1e6,
        BLEND: (scored - retrieved) * 1e6,
        SLATE: (ended - scored) * 1e6,
        FOUND: len(candidates.rows),
    }


def _percentiles(values: Iterable[float]) -> Percentiles:
    p50, p99 = np.percentile(list(values), [50, 99]).tolist()
    return Percentiles(p50, p99)
