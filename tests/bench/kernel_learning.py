"""What it costs each kernel to learn one event, CPU time of the thread."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from models.blend import FEATURES, Blend
from models.kernel import hash63
from models.model import Model
from schemas.learning import LearningStep, TrainingRow, pack_features

ROUNDS = 5
"""Stretches of the log that a kernel learns one after the other; the median of their means counts."""

PIECES = ("covisitation", "transitions", "session_knn", "session_bpr", "popular")
"""The kernels that learn every visit."""


class Visit(NamedTuple):
    """One view as the kernels take it: numbers of the item registry, what came before it oldest first."""

    session: str
    item: int
    before: list[int]
    window: np.ndarray
    owners: tuple[int, int]


Learner = Callable[[Visit], object]


def learning(model: Model, log: Sequence[LearningStep]) -> dict[str, float]:
    """Give us of CPU an event.

    Args:
        model: it has learned what came before `log`, so that its tables are as full as they get.
        log: views.
    """
    steps = iter(log)
    share = len(log) // 2
    whole = _us(lambda step: model.learn_one(step, step.origin.offset), [next(steps) for _ in range(share)])
    visits = [_visit(model, step) for step in steps]
    learners = _learners(model)
    spent = {name: _us(learn, visits) for name, learn in learners.items()}
    spent["together"] = _us(lambda visit: [learn(visit) for learn in learners.values()], visits)
    spent["step"] = whole
    spent["strong"] = _us(lambda visit: model.factors.learn_one(visit.session, f"i{visit.item}"), visits[:2_000])
    spent["row"] = _us(model.blend.learn_one, list(_rows(500)))
    return spent


def _learners(model: Model) -> Mapping[str, Learner]:
    rows = model.items.rows
    learners: tuple[Learner, ...] = (
        lambda v: model.covisitation.learn_one(v.window, v.item, rows=rows, visitor=v.owners[0], day=0, weight=1.0),
        lambda v: model.transitions.learn_one(v.window[-1:], v.item, rows=rows, visitor=v.owners[0], day=0, weight=1.0),
        lambda v: model.session_knn.learn_one(v.session, v.item, rows=rows, owners=v.owners),
        lambda v: model.session_bpr.learn_one(v.session, v.item, 1.0, {"context": v.before}),
        lambda v: model.trending.learn_one(v.item, rows=rows, weight=1.0),
    )
    return dict(zip(PIECES, learners, strict=True))


def _visit(model: Model, step: LearningStep) -> Visit:
    before = [model.items.intern(item) for item, _ in step.context]
    number = model.items.intern(step.items[0][0])
    owners = (hash63(step.visitor_id), 0)
    return Visit(step.session or "", number, before, np.array(before, np.int32), owners)


def _rows(count: int) -> Iterator[TrainingRow]:
    """Make training rows as the clicks agent writes them: one positive, eight negatives."""
    random = np.random.default_rng(5)
    for _ in range(count):
        table = random.random((9, len(FEATURES)), np.float32)
        yield TrainingRow(
            version=Blend.VERSION, rows=9, columns=len(FEATURES), features=pack_features(table), weight=1.0
        )


def _us(learn: Callable[[Any], object], given: Sequence[Any]) -> float:
    size = len(given) // ROUNDS
    means = []
    for first in range(0, ROUNDS * size, size):
        part = given[first : first + size]
        began = time.thread_time()
        for one in part:
            learn(one)
        means.append((time.thread_time() - began) / size)
    return median(means) * 1e6
