"""Two evaluations of one log, query by query: what one setting changes against another."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from models.trials import Trials
from schemas.errors import RefusedError
from streams.evaluation.differences import Measures, differences
from streams.evaluation.plan import Protocol
from streams.evaluation.recorder import Table
from streams.evaluation.running import Outcome


class Compared(NamedTuple):
    """One table under both settings.

    Args:
        protocol: how it was asked.
        table: its name.
        queries: how many.
        rankers: all that listed something, the blend first; a difference above 0 speaks for the first setting.
    """

    protocol: Protocol
    table: str
    queries: int
    rankers: dict[str, Measures]


def compare(first: Outcome, second: Outcome) -> list[Compared]:
    """Compare two evaluations table by table.

    Raises:
        RefusedError: they asked different questions.
    """
    return [_compared(protocol, *tables) for protocol, tables in _pairs(first, second)]


def _pairs(first: Outcome, second: Outcome) -> Iterator[tuple[Protocol, tuple[Table, Table]]]:
    for protocol in first.tables | second.tables:
        mine, theirs = ({table.name: table for table in one.tables.get(protocol, ())} for one in (first, second))
        for name in mine | theirs:
            if name not in mine or name not in theirs:
                raise _unpaired(name, protocol, "only one of them has any")
            differ = _differ(mine[name].trials, theirs[name].trials)
            if differ:
                raise _unpaired(name, protocol, differ)
            yield protocol, (mine[name], theirs[name])


def _differ(a: Trials, b: Trials) -> str:
    """Say how two lists of queries differ, "" where they do not."""
    if len(a) != len(b):
        return f"{len(a):,} against {len(b):,}"
    other = np.count_nonzero((a.queries != b.queries) | (a.units != b.units))
    return f"{other:,} of {len(a):,} are others" if other else ""


def _unpaired(table: str, protocol: Protocol, why: str) -> RefusedError:
    return RefusedError(
        f"The two settings were not asked the same: queries of {table}, {protocol}: {why}. Constants that decide what "
        "a session or a bot is decide what is asked as well; compare settings that agree on those."
    )


def _compared(protocol: Protocol, first: Table, second: Table) -> Compared:
    rankers = [one for one in first.trials.rankers if one in first.qualities or one in second.qualities]
    found = differences([((first.trials, one), (second.trials, one)) for one in rankers])
    return Compared(protocol, first.name, len(first.trials), dict(zip(rankers, found, strict=True)))
