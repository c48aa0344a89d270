"""An audit in words and cells: what the terminal and the report share."""

import math
from collections.abc import Sequence

from schemas.record import from_epoch_ms
from streams.audit.counted import Judged, Row
from streams.audit.figures import Figure
from streams.audit.findings import Findings
from streams.audit.shelf import NOT_KNOWN

COLUMNS = ("catalogue", "shown", "examined", "clicks", "carts", "purchases", "demand", "exposure/demand")

_ORDERED = ("popularity decile", "price band", "age")
"""Groupings whose groups have an order of their own."""

_LEFT_OUT = (
    "revisions",
    "slates of campaigns",
    "contextual slates",
    "events of another time",
    "touches of unknown products",
)

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000))


def head(found: Findings) -> list[str]:
    """Say what was read."""
    counts = found.counts
    of = f" of placement {found.read.placement}" if found.read.placement else ""
    when = "" if found.period is None else f", {_time(found.period[0])} to {_time(found.period[1])}"
    return [
        f"{counts['slates']:,} slates{of} from {found.read.source}{when}: {counts['shown']:,} products shown.",
        f"Catalogue: {counts['products']:,} products, {counts['items']:,} with their variants together.",
        f"Demand: {counts['touches']:,} clicks, carts and purchases from {counts['events']:,} events.",
        *(f"Left out: {counts[name]:,} {name}." for name in _LEFT_OUT if counts[name]),
    ]


def refused(found: Findings) -> list[str]:
    """Say what could not be read."""
    return [
        f"Not readable in {log}: {', '.join(f'{reason} ({count:,})' for reason, count in sorted(reasons.items()))}."
        for log, reasons in found.read.unreadable.items()
        if reasons
    ]


def exposures(found: Findings) -> dict[str, Sequence[Row]]:
    """Give the groupings that say something; one of which no product knows its group does not."""
    return {name: rows for name, rows in found.exposure.items() if any(row.group != NOT_KNOWN for row in rows)}


def untold(found: Findings) -> list[str]:
    """Name the groupings that are left out."""
    missing = [name for name in found.exposure if name not in exposures(found)]
    return [f"Not known of any product: {', '.join(missing)}."] if missing else []


def sentence(found: Findings) -> str:
    """Give the verdict over all figures."""
    judged = sum(figure.verdict != "not judged" for figure in found.figures)
    if found.crossed:
        return f"Crossed: {', '.join(found.crossed)}. docs/audit.md says what to do about each."
    left = len(found.figures) - judged
    return f"No threshold is crossed ({judged} figures judged, {left} not)."


def cells(row: Row) -> tuple[str, ...]:
    """Write a group's shares, and exposure as times demand."""
    ratio = row.examined / row.demand if row.demand and not math.isnan(row.demand) else math.nan
    shares = (row.catalogue, row.shown, row.examined, row.clicks, row.carts, row.purchases, row.demand)
    return (row.group, *map(_percent, shares), "-" if math.isnan(ratio) else f"{ratio:.2f}")


def groups(name: str, rows: Sequence[Row], most: int) -> list[Row]:
    """Choose the groups to print: all where they have an order, else those most shown or wanted."""
    if name in _ORDERED:
        return list(rows)
    weight = [max(one for one in (row.examined, row.demand, 0.0) if not math.isnan(one)) for row in rows]
    order = sorted(range(len(rows)), key=lambda at: (-weight[at], rows[at].group))
    return [rows[at] for at in order[:most]]


def judged_rows(found: Sequence[Judged], most: int = 20) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Give header and cells of under-exposed groups, the lowest ratios first."""
    header = ("grouping", "group", "exposure", "demand", "sure demand", "ratio", "touches")
    rows: list[tuple[str, ...]] = [
        (
            one.grouping,
            one.group,
            _percent(one.held.shown),
            _percent(one.held.demand),
            _percent(one.held.sure),
            f"{one.held.ratio:.2f}",
            f"{one.held.touches:,}",
        )
        for one in found[:most]
    ]
    return header, rows


def interval(figure: Figure) -> str:
    """Write a figure's interval; empty where it has none."""
    return "" if math.isnan(figure.low) else f"{number(figure.low)} to {number(figure.high)}"


def number(value: float) -> str:
    """Write a figure's value."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "infinite"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")


def length(step_ms: int) -> str:
    """Write the length of a step of time.

    >>> length(900_000), length(10_800_000)
    ('15 min', '3 h')
    """
    unit, size = next(one for one in _UNITS if step_ms % one[1] == 0)
    return f"{step_ms // size} {unit}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def _time(ms: int) -> str:
    return f"{from_epoch_ms(ms):%Y-%m-%d %H:%M}"
