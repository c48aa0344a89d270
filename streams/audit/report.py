"""An audit as a page with plots."""

import math

from models.catalogue import CATEGORY_SEPARATOR
from schemas.record import from_epoch_ms
from streams.audit.exploration import add_exploration
from streams.audit.findings import Findings
from streams.audit.words import (
    COLUMNS,
    cells,
    exposures,
    groups,
    head,
    interval,
    judged_rows,
    length,
    number,
    refused,
    sentence,
    untold,
)
from streams.pages import Page
from streams.pages.plots import LABEL, bars, grouped_bars, lines

TOP = 40
"""Groups of a table; all are in --json."""

_DRAWN = 10


def report(found: Findings) -> str:
    """Write the page, HTML."""
    page = Page("Audit of recommendations")
    page.text(sentence(found))
    for line in [*head(found), *refused(found), *untold(found)]:
        page.text(line)
    _figures(page, found)
    _exposure(page, found)
    _course(page, found)
    _bubble(page, found)
    add_exploration(page, found.explored)
    return page.html()


def _figures(page: Page, found: Findings) -> None:
    page.heading("Figures")
    rows = [
        (one.name, number(one.value), interval(one), f"{one.bound} {number(one.limit)}", one.verdict, one.note)
        for one in found.figures
    ]
    header = ("figure", "value", "95 % interval", "threshold", "verdict", "made of")
    page.table(header, rows, caption="Each figure with its threshold")


def _exposure(page: Page, found: Findings) -> None:
    page.heading("Who gets shown")
    page.text(
        "Shares of the catalogue, of what was shown, of what was shown weighted by how likely its rank is looked at "
        "(examined), and of what visitors did."
    )
    for name, rows in exposures(found).items():
        drawn = groups(name, rows, _DRAWN)
        series = {
            "catalogue": [100 * row.catalogue for row in drawn],
            "examined": [100 * row.examined for row in drawn],
            "demand": [100 * row.demand for row in drawn],
        }
        svg = grouped_bars([_short(row.group) for row in drawn], series, title=f"By {name}", unit="% of all")
        page.figure(svg, caption=f"Exposure by {name}, beside catalogue and demand")
        chosen = groups(name, rows, TOP)
        page.table((name, *COLUMNS), [cells(row) for row in chosen], caption=f"By {name}: {len(chosen)} of {len(rows)}")
    page.heading("Under-exposed groups")
    if not found.under_exposed:
        page.text("No group with enough demand is shown far less than it is wanted.")
        return
    page.table(*judged_rows(found.under_exposed, TOP), caption="Shown far less than they are wanted")


def _short(group: str) -> str:
    """Keep the end of a long path: it says more than its beginning."""
    return group if len(group) <= LABEL else CATEGORY_SEPARATOR.join(group.split(CATEGORY_SEPARATOR)[-2:])


def _course(page: Page, found: Findings) -> None:
    page.heading("Gini over time")
    times = [from_epoch_ms(point.at_ms) for point in found.course]
    series = {"shown": [point.shown for point in found.course], "demand": [point.demand for point in found.course]}
    step = length(found.step_ms)
    svg = lines(times, series, title="How unequal", x_label=f"steps of {step}, UTC", y_label="Gini")
    page.figure(svg, caption="0: every product alike; 1: one product has everything")


def _bubble(page: Page, found: Findings) -> None:
    page.heading("Filter bubble")
    if found.bubble is None:
        page.text("Not known: fewer than two visitors were shown products of known categories.")
        return
    bubble = found.bubble
    low, middle, high = bubble.spread
    labels = ["mean", "narrowest tenth", "median", "widest tenth"]
    ends = [bubble.narrowness.value, high, middle, low]
    svg = bars(
        labels,
        ends,
        low=[bubble.narrowness.low, *ends[1:]],
        high=[bubble.narrowness.high, *ends[1:]],
        title="How narrow a visitor's slates are",
        unit="0: as mixed as between visitors; 1: one category",
    )
    page.figure(svg, caption=f"Over {bubble.visitors:,} visitors; the mean with its 95 % interval")
    slope = bubble.narrowing
    told = "is not known" if math.isnan(slope.value) else f"{slope.value:+.5f} ({slope.low:+.5f} to {slope.high:+.5f})"
    page.text(f"Change of a slate's likeness from one to the next: {told}.")
