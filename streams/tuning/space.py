"""The constants that are searched, and where."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isclose
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from models.constants import Constants
from models.model import ModelRules

if TYPE_CHECKING:
    from optuna.trial import Trial

CHANGED = 3
"""Constants changed at once by the trials that look around the defaults."""

Values = dict[str, float]


class Dimension(NamedTuple):
    """A constant of `ModelRules` and the values that are tried, both ends included; `log` for scales, not steps."""

    name: str
    low: float
    high: float
    log: bool = True

    @property
    def default(self) -> float:
        """Give its default."""
        return float(getattr(ModelRules(), self.name))

    @property
    def whole(self) -> bool:
        """Say whether it is a whole number."""
        return isinstance(getattr(ModelRules(), self.name), int)

    def neat(self, value: float) -> float:
        """Round to what is worth writing down: three digits, and the default where it is as good as that."""
        if isclose(value, self.default, rel_tol=2e-3):
            return getattr(ModelRules(), self.name)
        return int(value) if self.whole else float(f"{value:.3g}")


SPACE = (
    Dimension("half_life_share", 0.03, 3.0),
    Dimension("window", 2, 10, log=False),
    Dimension("backward", 0.0, 1.2, log=False),
    Dimension("query_decay", 0.2, 1.0, log=False),
    Dimension("transition_slots", 10, 200),
    Dimension("position_decay", 0.5, 8.0),
    Dimension("step_decay", 0.7, 15.0),
    Dimension("session_age_share", 0.03, 5.0),
    Dimension("idf", 0.0, 1.0, log=False),
    Dimension("neighbours", 100, 1_500),
    Dimension("postings", 50, 1_000),
    Dimension("bpr_lr", 0.01, 0.3),
    Dimension("bpr_context", 2, 10, log=False),
    Dimension("history_half_life_days", 7.0, 700.0),
    Dimension("trend_share", 0.003, 0.3),
    Dimension("blend_first", 50, 3_000),
    Dimension("blend_lr", 0.02, 0.5),
)
"""Few, and those that matter; all hold the default inside."""


def defaults() -> Values:
    """Give every searched constant's default."""
    return {one.name: one.default for one in SPACE}


def around(seed: int) -> Iterator[Values]:
    """Give points that change a few constants of the defaults each, without end."""
    random = Random(seed)
    while True:
        changed = random.sample(SPACE, CHANGED)
        yield {**defaults(), **{one.name: _drawn(one, random) for one in changed}}


def suggested(trial: "Trial") -> Values:
    """Ask a trial for its point."""
    return {one.name: _suggested(one, trial) for one in SPACE}


def constants_with(values: Mapping[str, float]) -> Constants:
    """Give the defaults with some constants changed."""
    neat = {one.name: one.neat(values[one.name]) for one in SPACE if one.name in values}
    return Constants(model=replace(ModelRules(), **neat))  # type: ignore[arg-type]  # whole where the field is


def _suggested(one: Dimension, trial: "Trial") -> float:
    if one.whole:
        return trial.suggest_int(one.name, int(one.low), int(one.high), log=one.log)
    return trial.suggest_float(one.name, one.low, one.high, log=one.log)


def _drawn(one: Dimension, random: Random) -> float:
    value = one.low * (one.high / one.low) ** random.random() if one.log else random.uniform(one.low, one.high)
    return round(value) if one.whole else value
