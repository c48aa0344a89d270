"""All that an audit finds, from what was counted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from models.exposure_audit import DECILES, amplification, popularity_deciles, shares
from models.exposure_course import Point
from models.filter_bubble import Bubble
from models.under_exposure import Held, held_against_demand
from schemas.record import from_epoch_ms, rfc3339
from streams.audit import figures
from streams.audit.figures import Evidence, Figure
from streams.audit.shelf import GROUPINGS, NOT_KNOWN, Assortment, Grouping
from streams.audit.tallies import Tallies
from streams.settings import Settings

_SEED = 0
"""Equal logs, equal findings."""

HELD = ("brand", "category", "top category", "price band")
"""Groupings whose groups are held against their demand."""


@dataclass(frozen=True)
class Read:
    """What an audit was made from; `unreadable` counts, by reason, what of each log was left out."""

    source: str
    placement: str | None
    unreadable: Mapping[str, Mapping[str, int]]

    @property
    def refused(self) -> int:
        """Count all that was left out."""
        return sum(sum(reasons.values()) for reasons in self.unreadable.values())


class Row(NamedTuple):
    """A group and its shares, 0..1, nan without any: of the catalogue, of what was shown and looked at, of demand."""

    group: str
    catalogue: float
    shown: float
    examined: float
    clicks: float
    carts: float
    purchases: float
    demand: float


class Judged(NamedTuple):
    """A group of a grouping, held against its demand."""

    grouping: str
    group: str
    held: Held


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
        }


def findings(tallies: Tallies, assortment: Assortment, settings: Settings, read: Read) -> Findings:
    """Work out everything.

    Args:
        tallies: with all slates and events taken.
        assortment: the catalogue they were counted over.
        settings: the thresholds.
        read: where that came from.
    """
    counted = _Counted(tallies, assortment)
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
    )


class _Counted:
    """The counts of the items that are sold, or were shown or wanted."""

    def __init__(self, tallies: Tallies, assortment: Assortment) -> None:
        self.kept = np.flatnonzero(~assortment.hidden | (tallies.shown > 0) | (tallies.wanted > 0))
        self.shown, self.examined = tallies.shown[self.kept], tallies.examined[self.kept]
        self.wanted = tallies.wanted[self.kept]
        self.demand = {kind: counts[self.kept] for kind, counts in tallies.demand.items()}

    def groupings(self, tallies: Tallies, assortment: Assortment, settings: Settings) -> dict[str, Grouping]:
        """Group the items in all ways; unlike deciles, a group is named by what products say of themselves."""
        now_ms = tallies.period[1] if tallies.period else 0
        others = {
            name: assortment.grouping(name, now_ms=now_ms, new_days=settings.audit_new_days) for name in GROUPINGS
        }
        names = tuple(f"{decile + 1}" for decile in range(DECILES))
        deciles = Grouping(names, popularity_deciles(self.wanted))
        return {"popularity decile": deciles} | {
            name: Grouping(grouping.names, grouping.of[self.kept]) for name, grouping in others.items()
        }

    def rows(self, grouping: Grouping) -> list[Row]:
        """Give the shares of each group that there is."""
        count = len(grouping.names)
        columns = [np.ones(len(self.kept)), self.shown, self.examined, *self.demand.values(), self.wanted]
        parts = np.array([shares(column, grouping.of, count) for column in columns]).T.tolist()
        return [Row(name, *part) for name, part in zip(grouping.names, parts, strict=True) if part[0] > 0]

    def held(self, groupings: Mapping[str, Grouping], evidence: int) -> list[Judged]:
        """Hold the groups against their demand, the lowest ratio first; what is not known is no group."""
        found = [
            Judged(name, groupings[name].names[one.group], one)
            for name in HELD
            for one in held_against_demand(
                self.examined, self.wanted, groupings[name].of, len(groupings[name].names), evidence=evidence
            )
        ]
        known = [one for one in found if one.group != NOT_KNOWN]
        return sorted(known, key=lambda one: (one.held.ratio, one.grouping, one.group))


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
