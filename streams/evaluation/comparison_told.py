"""What one setting changes against another, told: lines for a terminal, JSON for scripts, sections of a page."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.evaluation.comparing import Compared
from streams.evaluation.differences import (
    Measures,
    cell,
    interval,
    moved,
    named,
    numbers,
    plotted,
    short,
    signed,
)
from streams.evaluation.lists import BLEND, SLATE
from streams.pages.page import Page


class Names(NamedTuple):
    """What the two settings are called."""

    first: str
    second: str


def comparison_lines(compared: Sequence[Compared], k: int, names: Names) -> Iterator[str]:
    """Give a table of the blend's measures, and the slates', for each table of queries."""
    yield f"{names.first} against {names.second}; a difference above 0 speaks for {names.first}."
    for one in compared:
        yield ""
        yield _title(one)
        yield f"{'list':<6} {'measure':<13} {'first':>6} {'second':>6} {'difference':>11}  {'interval':<18} {'p':>6}"
        for ranker in (BLEND, SLATE):
            yield from _rows(ranker, one.rankers.get(ranker, {}), k)


def _rows(ranker: str, measures: Measures, k: int) -> Iterator[str]:
    for measure, (first, second, paired) in measures.items():
        means = f"{short(first):>6} {short(second):>6} {signed(paired.difference):>11}"
        yield f"{ranker:<6} {named(measure, k):<13} {means}  {interval(paired):<18} {short(paired.p):>6}"


def comparison_summary(compared: Sequence[Compared], k: int, names: Names) -> dict[str, object]:
    """Give the same of all rankers as JSON."""
    tables: dict[str, dict[str, object]] = {}
    for one in compared:
        rankers = {ranker: numbers(measures, k) for ranker, measures in one.rankers.items()}
        tables.setdefault(one.protocol, {})[one.table] = {"n": one.queries, "rankers": rankers}
    return {"first": names.first, "second": names.second, "protocols": tables}


def add_comparison(page: Page, compared: Sequence[Compared], k: int, names: Names) -> None:
    """Add the comparison to a page: for each table of queries all measures of all rankers, and a plot of the blend."""
    page.heading(f"{names.first} against {names.second}")
    page.text(
        f"A difference above 0 speaks for {names.first}. Intervals are 95 %, bootstrapped over visitors; p is of a "
        "randomisation test that flips whole visitors."
    )
    for one in compared:
        blend, title = one.rankers[BLEND], _title(one)
        labels = [named(measure, k) for measure in blend]
        rows = [(ranker, *map(cell, measures.values())) for ranker, measures in one.rankers.items()]
        page.table(("list", *labels), rows, caption=title)
        page.text(f"{title}: the blend moved {moved(blend, 'hr', k)}; {moved(blend, 'ndcg', k)}.")
        svg = plotted(labels, list(blend.values()), title=f"The blend: {one.table}, {one.protocol}")
        page.figure(svg, caption="Differences of the blend's measures with their 95 % intervals.")


def _title(one: Compared) -> str:
    return f"{one.table}, {one.protocol}, {one.queries:,} queries"
