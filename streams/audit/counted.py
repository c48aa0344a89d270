"""What was counted, group by group."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from models.exposure_audit import DECILES, popularity_deciles, shares
from models.under_exposure import Held, held_against_demand
from streams.audit.shelf import GROUPINGS, NOT_KNOWN, Assortment, Grouping
from streams.audit.tallies import Tallies
from streams.settings import Settings

HELD = ("brand", "category", "top category", "price band")
"""Groupings whose groups are held against their demand."""


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


class Counted:
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
