"""What an evaluation is of."""

from dataclasses import dataclass, field
from typing import Literal

from models.constants import Constants
from models.judgements import JudgingRules
from streams.evaluation.queries import Targets, Task
from streams.sources.event_file import EventFile

Protocol = Literal["static", "prequential"]
PROTOCOLS: tuple[Protocol, ...] = ("static", "prequential")


@dataclass(frozen=True)
class Plan:
    """One evaluation.

    Args:
        train: the log; without `test`, its last part is the test part.
        test: the test part, where it is a file of its own.
        last: share of the log's events that are the test part, above 0 and below 1.
        protocols: `static` freezes learning after the split, as papers do; `prequential` goes on learning.
        task: what is asked.
        targets: which answers count.
        without_current: leave the current product out of all lists, but count it as a target.
        k: length of the lists.
        content: embed the products' texts.
        slates: also decide slates, with all their rules.
        ablation: also ask the engine without each of its parts.
        constants: what the engine runs with.
        judging: which judgements of a language model count, where there are any.
        most_queries: beyond, whole visits are left out by their hash.
        most_rows: training rows before the split; beyond, events are left out by their hash.
    """

    train: EventFile
    test: EventFile | None = None
    last: float = 0.2
    protocols: tuple[Protocol, ...] = PROTOCOLS
    task: Task = "next"
    targets: Targets = "all"
    without_current: bool = False
    k: int = 20
    content: bool = True
    slates: bool = False
    ablation: bool = False
    constants: Constants = field(default_factory=Constants)
    judging: JudgingRules = field(default_factory=JudgingRules)
    most_queries: int = 200_000
    most_rows: int = 100_000

    @property
    def files(self) -> tuple[EventFile, ...]:
        """Give the log's files."""
        return (self.train,) if self.test is None else (self.train, self.test)
