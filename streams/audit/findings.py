"""All that an audit finds, from what was counted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.exposure_audit import amplification
from models.exposure_course import Point
from models.filter_bubble import Bubble
from models.off_policy import estimates
from models.under_exposure import Held
from schemas.record import from_epoch_ms, rfc3339
from streams.audit import exploration, figures
from streams.audit.counted import Counted, Judged, Row
from streams.audit.figures import Evidence, Figure
from streams.audit.shelf import Assortment
from streams.audit.tallies import Tallies
from streams.settings import Settings

_SEED = 0
"""Equal logs, equal findings."""


@dataclass(frozen=True)
class Read:
    """What an audit was made from; `unreadable` counts, by reason, what of each log was left out."""

    source: str
    placement: str | None
    unreadable: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Findings:
    """What an audit found, and from how much."""

    read: Read
    counts: Mapping[str, int]
    period: tuple[int, int] | None
    figures: Sequence[Figure]
    exposure: Mapping[str, Sequence[Row]]
    course: Sequence[Point]
    step_ms: int
    under_exposed: Sequence[Judged]
    bubble: Bubble | None
    explored: exploration.Explored

    @property
    def crossed(self) -> list[str]:
        """Name the figures whose threshold is crossed."""
        return [figure.name for figure in self.figures if figure.verdict == "crossed"]

    def plain(self) -> dict[str, Any]:
        """Give all of it as JSON can hold it: what is not a number is null."""
        return {
            "source": self.read.source,
            "placement": self.read.placement,
            "period": None if self.period is None else [_time(ms) for ms in self.period],
            "counts": dict(self.counts),
            "unreadable": {log: dict(reasons) for log, reasons in self.read.unreadable.items()},
            "crossed": self.crossed,
            "figures": [_finite(figure._asdict()) for figure in self.figures],
            "exposure": {name: [_finite(row._asdict()) for row in rows] for name, rows in self.exposure.items()},
            "gini_over_time": [_finite({**point._asdict(), "at_ms": _time(point.at_ms)}) for point in self.course],
            "under_exposed": [
                {"grouping": one.grouping, "group": one.group, "ratio": one.held.ratio, **_shares(one.held)}
                for one in self.under_exposed
            ],
            "filter_bubble": None if self.bubble is None else _finite(_flat(self.bubble)),
            "exploration": exploration.plain(self.explored),
        }


def findings(tallies: Tallies, assortment: Assortment, settings: Settings, read: Read) -> Findings:
    """Work out everything.

    Args:
        tallies: with all slates and events taken.
        assortment: the catalogue they were counted over.
        settings: the thresholds.
        read: where that came from.
    """
    counted = Counted(tallies, assortment)
    rng = np.random.default_rng(_SEED)
    groupings = counted.groupings(tallies, assortment, settings)
    evidence = Evidence(tallies.slates, int(counted.wanted.sum()), settings.audit_evidence)
    held = counted.held(groupings, settings.audit_evidence)
    points = tallies.course.points(rng)
    bubble = tallies.bubbles.result()
    found = amplification(counted.shown, counted.examined, counted.wanted, rng)
    return Findings(
        read=read,
        counts={
            "slates": tallies.slates,
            "revisions": tallies.revised,
            "slates of campaigns": tallies.campaigns,
            "contextual slates": tallies.contextual,
            "shown": int(tallies.shown.sum()),
            "products": len(assortment.numbers),
            "items": len(counted.kept),
            "events": tallies.events,
            "events of another time": tallies.outside,
            "touches": evidence.touches,
            "touches of unknown products": tallies.unknown["wanted"],
        },
        period=tallies.period,
        figures=[
            *figures.amplified(found, evidence, settings),
            figures.risen(points, evidence, settings),
            *figures.narrowed(bubble, tallies.own.result(), settings),
            _least_exposed(held, evidence, settings),
            figures.cold(counted.shown, counted.wanted, evidence, settings),
            figures.covered(counted.shown, evidence, settings),
            figures.unknown(tallies.unknown["shown"], int(counted.shown.sum()), evidence, settings),
            figures.fresh(assortment.vectors, settings),
        ],
        exposure={name: counted.rows(grouping) for name, grouping in groupings.items()},
        course=points,
        step_ms=tallies.course.step_ms,
        under_exposed=[one for one in held if one.held.ratio < settings.audit_exposure_ratio],
        bubble=bubble,
        explored=estimates(tallies.exploration.samples()),
    )


def _least_exposed(held: Sequence[Judged], evidence: Evidence, settings: Settings) -> Figure:
    missing = evidence.of_demand or ("" if held else f"no group has {settings.audit_evidence:,} touches")
    value, note = math.nan, ""
    if held:
        least = held[0]
        value = least.held.ratio
        note = (
            f"{least.grouping} {least.group}: {least.held.shown:.2%} of exposure, {least.held.demand:.2%} of demand, "
            f"surely {least.held.sure:.2%}"
        )
    return figures.judged("least exposed group", value, "at least", settings.audit_exposure_ratio, note, missing)


def _shares(held: Held) -> dict[str, float]:
    return {"exposure": held.shown, "demand": held.demand, "sure_demand": held.sure, "touches": held.touches}


def _flat(bubble: Bubble) -> dict[str, Any]:
    return {
        **bubble._asdict(),
        "narrowness": _finite(bubble.narrowness._asdict()),
        "narrowing": _finite(bubble.narrowing._asdict()),
    }


def _finite(named: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in named.items()
    }


def _time(ms: int) -> str:
    return rfc3339(from_epoch_ms(ms))
