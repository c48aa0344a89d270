"""What an evaluation of judgements is asked, and what it finds."""

from collections import Counter
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from models.blend import JUDGED_FLOOR
from models.demand import Needs
from models.verdict import VerdictFault
from schemas.errors import RefusedError
from streams.lift.estimate import Estimate
from streams.lift.judging import Judging
from streams.lift.measuring import Measured
from streams.simulated.request import Ability

SIMULATED = Ability().model

MEANINGLESS = (
    "The answers came from the simulated judge, which scores by catalogue attributes alone: whatever it adds says "
    "nothing about a real language model, so the lift is not told. Cost and coverage are what they are."
)


@dataclass(frozen=True)
class Terms:
    """On what terms judgements are tried.

    Args:
        most_usd: the run spends no more.
        limit: draw only so many slates; None for all.
        weights: of judgements, to be tried beside the one they begin with.

    Raises:
        RefusedError: the money or a weight is no number from 0 on.
    """

    most_usd: float = 1.0
    limit: int | None = None
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would be no limit, or no weight."""
        if not (isfinite(self.most_usd) and self.most_usd >= 0):
            raise RefusedError(f"--judge-most-usd {self.most_usd:g} is no amount of money: give 0 or more.")
        for weight in self.weights:
            if not (isfinite(weight) and weight >= 0):
                raise RefusedError(f"--judge-weight {weight:g} is no weight: give 0 or more.")

    @property
    def tried(self) -> tuple[float, ...]:
        """Give all weights, the one judgements begin with first."""
        return tuple(dict.fromkeys((JUDGED_FLOOR, *self.weights)))


class Collected(NamedTuple):
    """What has to be judged, and what that will cost."""

    needs: Needs
    estimate: Estimate


class Bill(NamedTuple):
    """What one run has paid for.

    Args:
        calls: that were paid for.
        answers: that came.
        prompt_tokens: of the questions answered.
        completion_tokens: of the answers.
        usd: of this run.
        usd_before: what the judgements that were kept already have cost.
        invalid: what was wrong with answers, by kind.
    """

    calls: int
    answers: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    usd_before: float
    invalid: Counter[VerdictFault]


@dataclass(frozen=True, eq=False)
class Lift:
    """What was found.

    Args:
        model: as it was asked for.
        answered_by: what servers call themselves that answered, now or in a run before.
        terms: of the run.
        ttl_ms: how long a judgement serves in a shop.
        collected: what had to be judged, and what was said of it before the first call.
        judging: what came of it.
        bill: of it.
        measured: the lists without and with judgements.
    """

    model: str
    answered_by: frozenset[str]
    terms: Terms
    ttl_ms: int
    collected: Collected
    judging: Judging
    bill: Bill
    measured: Measured

    @property
    def withheld(self) -> str | None:
        """Say why the lift is not to be told; None where it is."""
        return MEANINGLESS if SIMULATED in {self.model, *self.answered_by} else None

    @property
    def judged_keys(self) -> int:
        """Count the keys that were judged, if only in part."""
        return sum(map(bool, self.judging.judged))

    @property
    def usd_per_1000(self) -> float:
        """Give what these slates' judgements cost, as if they served no other."""
        return 1000 * (self.bill.usd + self.bill.usd_before) / max(1, self.collected.needs.slates)

    @property
    def usd_per_1000_steady(self) -> float:
        """Give what they cost where slates go on coming at this rate, and the same keys are judged anew when due."""
        return self.usd_per_1000 * min(1.0, self.collected.needs.span_ms / self.ttl_ms)
