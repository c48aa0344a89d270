"""Which faults happen, in which order, at which moment: all from one seed."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tests.faults.fault import Fault

MOST_WORKERS = 3
LONGEST_CALM_S = 1.5


class Planned(NamedTuple):
    """One fault of a plan.

    `workers` run before it, the load for `calm_s`; what is random in it comes from `seed`.
    """

    number: int
    fault: Fault
    workers: int
    seed: str
    calm_s: float

    @property
    def random(self) -> Random:
        """Give what its moment and its victim are drawn from."""
        return Random(self.seed)


def make_plan(kinds: Sequence[Fault], *, seed: int, faults: int) -> list[Planned]:
    """Draw a plan: each kind once if there is room, the rest by weight, and none with too few workers to work on.

    Args:
        kinds: to draw from; workers are added before the first where none can happen to one alone.
        seed: of everything.
        faults: how many.
    """
    random = Random(f"plan-{seed}")
    chosen: list[Fault] = []
    workers = min(kind.needs for kind in kinds)
    first = workers
    while len(chosen) < faults:
        possible = [kind for kind in kinds if _fits(kind, workers) and not _used_up(kind, chosen)]
        unused = [kind for kind in possible if kind not in chosen]
        wanted = unused if unused and random.random() < len(unused) / (faults - len(chosen)) else possible
        kind = random.choices(wanted, [one.weight for one in wanted])[0]
        workers += kind.change
        chosen.append(kind)
    return in_order(chosen, seed=seed, workers=first)


def in_order(faults: Sequence[Fault], *, seed: int, workers: int = 1) -> list[Planned]:
    """Make a plan of given faults, one after the other."""
    random = Random(f"moments-{seed}")
    plan = []
    for number, fault in enumerate(faults):
        plan.append(Planned(number, fault, workers, f"{seed}-{number}", random.uniform(0.2, LONGEST_CALM_S)))
        workers += fault.change
    return plan


def _fits(kind: Fault, workers: int) -> bool:
    return workers >= kind.needs and 1 <= workers + kind.change <= MOST_WORKERS


def _used_up(kind: Fault, chosen: Sequence[Fault]) -> bool:
    return kind.most is not None and chosen.count(kind) >= kind.most
