"""An outcome in numbers: the line for scripts."""

from math import isnan

from models.intervals import Interval, intervals
from models.trials import MEASURES
from streams.evaluation.lists import BLEND
from streams.evaluation.recorder import Table
from streams.evaluation.running import Outcome

SEED = 20_190_101


def bounded(table: Table) -> dict[str, dict[str, Interval]]:
    """Give every ranker's measures with their intervals, rankers that listed nothing left out."""
    trials = table.trials
    columns = intervals(trials.values.reshape(len(trials), -1), trials.units, seed=SEED)
    found = {}
    for at, ranker in enumerate(trials.rankers):
        if ranker in table.qualities:
            found[ranker] = dict(zip(MEASURES, columns[at * len(MEASURES) :], strict=False))
    return found


def summary(outcome: Outcome, k: int) -> dict[str, object]:
    """Give the line that `--json` ends with: of the first protocol's first table, and all tables beside it."""
    tables = {protocol: {table.name: _told(table, k) for table in found} for protocol, found in outcome.tables.items()}
    first = next(table for found in outcome.tables.values() for table in found)
    head = _told(first, k)
    rankers = head.pop("rankers")
    assert isinstance(rankers, dict)
    return {
        "n": len(first.trials),
        BLEND: rankers[BLEND],
        "sources": {name: values for name, values in rankers.items() if name != BLEND},
        "seconds": round(sum(outcome.seconds.values()), 2),
        "protocols": tables,
        "events": {"train": outcome.events[0], "test": outcome.events[1]},
        "notes": list(outcome.notes),
    }


def _told(table: Table, k: int) -> dict[str, object]:
    rankers = {}
    for name, measures in bounded(table).items():
        values: dict[str, object] = {f"{measure}@{k}": round(one.mean, 4) for measure, one in measures.items()}
        values["intervals"] = {
            f"{measure}@{k}": [_number(one.low), _number(one.high)] for measure, one in measures.items()
        }
        rankers[name] = values
    return {"n": len(table.trials), "rankers": rankers}


def _number(value: float) -> float | None:
    return None if isnan(value) else round(value, 4)
