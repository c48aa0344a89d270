"""Small logs, and evaluations of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from models.constants import Constants
from models.model_rules import ModelRules
from streams.evaluation.figures import Figures, figures_of
from streams.evaluation.plan import Plan
from streams.evaluation.running import Evaluation, Outcome
from streams.evaluation.told import summary
from streams.sources.formats import open_events

START_S = 1_556_700_000
DAY_S = 86_400
SMALL = Constants(model=ModelRules(items=1_024, people=64, users=64, sessions=256, pair_cells=1_024))

COLUMNS = "session=session,item=item,time=time,user=user,kind=kind"


class Silent:
    """A watch that shows nothing."""

    def stage(self, name: str, total: int) -> None:
        """Hear of a stage."""

    def reached(self, done: int) -> None:
        """Hear how far it is."""


def clicks(sessions: Iterable[Sequence[str]], *, start_s: int = START_S, prefix: str = "s") -> list[str]:
    """Write Serenade's lines: a session an hour, a click each forty seconds."""
    return [
        f"{prefix}{number}\t{item}\t{start_s + 3_600 * number + 40 * at}"
        for number, session in enumerate(sessions)
        for at, item in enumerate(session)
    ]


def serenade(path: Path, lines: Iterable[str]) -> Path:
    """Write a Serenade file."""
    path.write_text("\n".join(["SessionId\tItemId\tTime", *lines]) + "\n")
    return path


def table(path: Path, lines: Iterable[str], header: str = "session,item,time,user,kind") -> Path:
    """Write a csv file."""
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def outcome_of(path: Path, form: str = "serenade", *, test: Path | None = None, **more: Any) -> Outcome:
    """Evaluate a file with a small model and without embeddings."""
    columns = COLUMNS if form == "csv" else None
    train = open_events(path, form, columns=columns)
    tested = None if test is None else open_events(test, form, columns=columns, after=train)
    plan = Plan(train=train, test=tested, **({"constants": SMALL, "content": False, "k": 5} | more))
    return Evaluation(plan, Silent()).run()


def figures(path: Path, form: str = "serenade", **more: Any) -> dict[tuple[str, str], Figures]:
    """Give an evaluation's figures by protocol and table."""
    return {(one.protocol, one.table): one for one in figures_of(outcome_of(path, form, **more).tables)}


def plain(outcome: Outcome) -> dict[str, Any]:
    """Give the line for scripts."""
    return summary(outcome, figures_of(outcome.tables))
