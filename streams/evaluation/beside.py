"""What an evaluation may be asked beside its tables: how another setting compares, what each layer and a judge add."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from models.constants import Constants
from streams.constants_file import load_constants
from streams.evaluation.ablation import Ablated, ablated
from streams.evaluation.ablation_told import ablation_lines, ablation_summary, add_ablation
from streams.evaluation.comparing import Compared, compare
from streams.evaluation.comparison_told import Names, add_comparison, comparison_lines, comparison_summary
from streams.evaluation.plan import Plan
from streams.evaluation.running import Evaluation, Outcome
from streams.lift.outcome import Lift
from streams.lift.told import add_lift, lift_lines, lift_summary
from streams.pages.page import Page
from streams.runs.display import Watch

DEFAULTS = "defaults"


class Beside(NamedTuple):
    """What was found.

    Args:
        log: what the log is called.
        k: length of the lists.
        compared: table by table, with the settings' names; None where nothing was compared.
        ablation: table by table; empty without.
        lift: what judgements add; None where nobody was asked.
    """

    log: str
    k: int
    compared: tuple[list[Compared], Names] | None
    ablation: list[Ablated]
    lift: Lift | None = None

    def lines(self) -> Iterator[str]:
        """Give the lines for a terminal."""
        if self.compared:
            yield from comparison_lines(self.compared[0], self.k, self.compared[1])
        if self.ablation:
            yield from ablation_lines(self.ablation, self.k, log=self.log)
        if self.lift:
            yield from lift_lines(self.lift, self.k)

    def summary(self) -> dict[str, object]:
        """Give the parts of the line for scripts."""
        found: dict[str, object] = {}
        if self.compared:
            found["comparison"] = comparison_summary(self.compared[0], self.k, self.compared[1])
        if self.ablation:
            found["ablation"] = ablation_summary(self.ablation, self.k, log=self.log)
        if self.lift:
            found["judging"] = lift_summary(self.lift, self.k)
        return found

    def add_to(self, page: Page) -> None:
        """Add the sections of a report."""
        if self.compared:
            add_comparison(page, self.compared[0], self.k, self.compared[1])
        if self.ablation:
            add_ablation(page, self.ablation, self.k, log=self.log)
        if self.lift:
            add_lift(page, self.lift, self.k)


def beside(plan: Plan, outcome: Outcome, watch: Watch, *, first: str = DEFAULTS, against: str | None = None) -> Beside:
    """Find what was asked for.

    Args:
        plan: of the evaluation.
        outcome: what it found.
        watch: told of the second evaluation's stages.
        first: what the evaluation's constants are called.
        against: a file of constants, or `defaults`, to evaluate too and compare with; None for no comparison.

    Raises:
        RefusedError: the file cannot be used, or the two were asked different questions.
    """
    compared = None
    if against is not None:
        other = replace(plan, constants=constants_named(against), ablation=False)
        compared = compare(outcome, Evaluation(other, watch).run()), Names(first, against)
    return Beside(plan.train.path.name, plan.k, compared, ablated(outcome) if plan.ablation else [])


def constants_named(name: str) -> Constants:
    """Read a file of constants, or give the defaults.

    Raises:
        RefusedError: the file cannot be used.
    """
    return Constants() if name == DEFAULTS else load_constants(Path(name))
