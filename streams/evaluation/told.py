"""An outcome in numbers: the line for scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite

from models.trials import MEASURES
from streams.evaluation.figures import SEED, Figures
from streams.evaluation.lists import BLEND, REFERENCES
from streams.evaluation.running import Outcome

__all__ = ["SEED", "summary"]


def summary(outcome: Outcome, figures: Sequence[Figures]) -> dict[str, object]:
    """Give the line that `--json` ends with: the first table of the first protocol, and all tables beside it.

    Args:
        outcome: what an evaluation found.
        figures: its tables' figures, at least one.

    Returns:
        texts, numbers, lists and mappings; what is not known is None, never nan.
    """
    first = figures[0]
    measures = {name: _measures(first, name) for name in first.measures}
    tables: dict[str, dict[str, object]] = {}
    for one in figures:
        tables.setdefault(one.protocol, {})[one.table] = _table(one)
    plain = {
        "n": first.n,
        BLEND: measures.pop(BLEND),
        "sources": measures,
        "seconds": round(sum(outcome.seconds.values()), 2),
        "protocol": first.protocol,
        "table": first.table,
        "references": list(REFERENCES),
        "protocols": tables,
        "events": {"train": outcome.events[0], "test": outcome.events[1]},
        "predictions": outcome.predictions,
        "seconds_by_stage": outcome.seconds,
        "weights": outcome.weights,
        "refused_lines": dict(outcome.refused),
        "notes": list(outcome.notes),
    }
    return {name: _plain(value) for name, value in plain.items()}


def _table(figures: Figures) -> dict[str, object]:
    return {
        "n": figures.n,
        "units": figures.units,
        "rankers": {name: _measures(figures, name) for name in figures.measures},
        "lists": {name: asdict(one) for name, one in figures.qualities.items()},
        "slices": _slices(figures),
    }


def _measures(figures: Figures, ranker: str) -> dict[str, object]:
    k, measures = figures.k, figures.measures[ranker]
    means: dict[str, object] = {f"{measure}@{k}": one.mean for measure, one in measures.items()}
    means["intervals"] = {f"{measure}@{k}": [one.low, one.high] for measure, one in measures.items()}
    return means


def _slices(figures: Figures) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for part in figures.parts:
        means = {
            name: {f"{measure}@{figures.k}": measures[measure] for measure in MEASURES}
            for name, measures in part.means.items()
        }
        found.setdefault(part.cut, {})[part.label] = {"n": part.n, "rankers": means}
    return found


def _plain(value: object) -> object:
    """Round numbers to four places, and leave out what is none."""
    if isinstance(value, float):
        return round(value, 4) if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
