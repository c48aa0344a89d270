"""Which faults happen, in which order, at which moment: all from one seed."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tests.faults.fault import Fault

MOST_WORKERS = 3
LONGEST_CALM_S = 1.5


class Planned(NamedTuple):
    """One fault of a plan: the load runs for `calm_s` before it, and what is random in it comes from `seed`."""

    number: int
    fault: Fault
    seed: str
    calm_s: float

    @property
    def random(self) -> Random:
        """Give what its moment and its victim are drawn from."""
        return Random(self.seed)


def make_plan(kinds: Sequence[Fault], *, seed: int, faults: int, workers: int = 1) -> list[Planned]:
    """Draw a plan: each kind at least once, the others by weight, none where it has too few workers to work on.

    Args:
        kinds: to draw from.
        seed: of everything.
        faults: how many.
        workers: that run at first.
    """
    random = Random(f"plan-{seed}")
    plan: list[Planned] = []
    unused = list(kinds)
    while len(plan) < faults:
        late = len(unused) >= faults - len(plan)
        fitting = [kind for kind in (unused if late else kinds) if _fits(kind, workers)] or [
            kind for kind in kinds if _fits(kind, workers)
        ]
        kind = random.choices(fitting, [one.weight for one in fitting])[0]
        unused = [one for one in unused if one is not kind]
        workers += kind.change
        plan.append(Planned(len(plan), kind, f"{seed}-{len(plan)}", random.uniform(0.2, LONGEST_CALM_S)))
    return plan


def _fits(kind: Fault, workers: int) -> bool:
    return workers >= kind.needs and 1 <= workers + kind.change <= MOST_WORKERS
