"""An outcome as a page: tables, plots, and what it was made with."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from streams.evaluation.figures import Figures, Part
from streams.evaluation.plan import Plan
from streams.evaluation.printing import ABOUT_LISTS, NAMES, PROTOCOLS, in_short, lines, quality, span
from streams.evaluation.running import Outcome
from streams.pages import Page
from streams.pages.plots import bars, grouped_bars, points

SINGLE = ("hr", "mrr", "ndcg")
PLOTTED_CUTS = ("session length", "popularity decile")

MOST_WEIGHTS = 20
"""Weights that are drawn, the heaviest ones."""


@dataclass(frozen=True)
class Conditions:
    """What an evaluation was made with: the command line, and the plan it came to."""

    command: str
    plan: Plan


def page_of(outcome: Outcome, figures: Sequence[Figures], conditions: Conditions) -> Page:
    """Write the report."""
    plan = conditions.plan
    page = Page(f"How good the recommendations are: {plan.train.path.name}")
    for line in in_short(figures):
        page.text(line)
    for one in figures:
        page.heading(f"{one.protocol}: {one.table}")
        page.text(f"{one.protocol.capitalize()}: {PROTOCOLS[one.protocol]}.")
        _add_accuracy(page, one)
        _add_lists(page, one)
        _add_parts(page, one)
    _add_weights(page, outcome)
    page.heading("How this was made")
    page.table(["", ""], list(_conditions(conditions)), caption="Command line and conditions")
    for line in lines(outcome):
        page.text(line)
    return page


def _add_accuracy(page: Page, figures: Figures) -> None:
    measures = SINGLE if figures.single else tuple(NAMES)
    names = [*figures.own, *figures.references]
    page.table(
        ["", *(f"{NAMES[measure]}@{figures.k}" for measure in measures)],
        [[name, *(span(figures.measures[name][measure]) for measure in measures)] for name in names],
        caption=f"{figures.n:,} queries of {figures.units:,} visitors, mean [95 % interval]; references last",
    )
    for measure in ("hr", "mrr"):
        found = [figures.measures[name][measure] for name in names]
        title = f"{NAMES[measure]}@{figures.k}, {figures.table}, {figures.protocol}"
        low, high = [one.low for one in found], [one.high for one in found]
        drawn = bars(names, [one.mean for one in found], low=low, high=high, title=title, unit="0 to 1")
        page.figure(drawn, caption="Whiskers are 95 % bootstrap intervals over visitors.")


def _add_lists(page: Page, figures: Figures) -> None:
    names = [name for name in (*figures.own, *figures.references) if name in figures.qualities]
    if not names:
        return
    page.table(
        ["", "coverage", "Gini", "popularity", "novelty", "diversity", "cold"],
        [[name, *quality(figures.qualities[name])] for name in names],
        caption=f"What the lists are like. {ABOUT_LISTS}",
    )
    hits = [figures.measures[name]["hr"].mean for name in names]
    hr = f"HR@{figures.k}"
    for label, values in (
        ("mean popularity of what is listed, events", [figures.qualities[name].popularity for name in names]),
        ("coverage, share of the catalogue", [figures.qualities[name].coverage for name in names]),
    ):
        title = f"Accuracy against {label.partition(',')[0]}"
        drawn = points(names, values, hits, title=title, x_label=label, y_label=hr)
        page.figure(drawn, caption="Right by showing everybody the same, or by knowing the visitor.")


def _add_parts(page: Page, figures: Figures) -> None:
    cuts = figures.cuts()
    measures = ("hr", "mrr")
    rows = [
        [f"{cut} {part.label}", f"{part.n:,}", *(f"{mean:.3f}" for mean in _means(figures, part, measures))]
        for cut, parts in cuts.items()
        for part in parts
    ]
    if not rows:
        return
    headings = [f"{name} {NAMES[measure]}@{figures.k}" for name in figures.contrasted for measure in measures]
    page.table(["", "queries", *headings], rows, caption="Slices; popularity decile 1 holds the most popular products")
    for cut in PLOTTED_CUTS:
        parts = cuts.get(cut, [])
        if parts:
            series = {name: [part.means[name]["hr"] for part in parts] for name in figures.contrasted}
            title = f"HR@{figures.k} by {cut}"
            drawn = grouped_bars([part.label for part in parts], series, title=title, unit="share of queries")
            page.figure(drawn, caption=f"{figures.table}, {figures.protocol}.")


def _means(figures: Figures, part: Part, measures: Sequence[str]) -> list[float]:
    return [part.means[name][measure] for name in figures.contrasted for measure in measures]


def _add_weights(page: Page, outcome: Outcome) -> None:
    heaviest = sorted(outcome.weights.items(), key=lambda one: -abs(one[1]))
    told = [(name, weight) for name, weight in heaviest if weight][:MOST_WEIGHTS]
    if told:
        page.heading("What the blend has learned")
        names, weights = zip(*told, strict=True)
        drawn = bars(names, weights, title="Weights of the blend at the split", unit="log-odds for a feature of 1")
        page.figure(
            drawn, caption="The heaviest ones: a source's list holds the product (present), where (rank, share)."
        )


def _conditions(conditions: Conditions) -> Iterator[list[str]]:
    plan = conditions.plan
    yield ["command", conditions.command]
    for file in plan.files:
        name = "log" if file is plan.train else "test part"
        yield [name, f"{file.path.name}, {file.rows:,} lines, SHA-256 {file.content.digest[:16]}..."]
    if plan.test is None:
        yield ["test part", f"the last {plan.last:.4g} of the log's events"]
    yield ["asked", f"{plan.task}, targets {plan.targets}, lists of {plan.k}"]
    yield ["current product", "in no list, though it may be the answer" if plan.without_current else "may be listed"]
    yield ["text embeddings", "yes, where products have words" if plan.content else "no"]
    yield ["aisle", _version()]
    yield [
        "machine",
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
    ]


def _version() -> str:
    try:
        return version("aisle")
    except PackageNotFoundError:
        return "not installed"
