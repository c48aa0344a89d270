"""An ablation told: lines for a terminal, a paragraph for release notes, JSON for scripts, sections of a page."""

from collections.abc import Iterator, Sequence

from models.intervals import holm
from streams.evaluation.ablation import CHOSEN_BY, Ablated, Layer
from streams.evaluation.differences import cell, moved, named, numbers, plotted, short, signed
from streams.pages.page import Page

SURE = 0.05
"""A part earns its keep, or costs, where the adjusted p-value is below this."""

EARNS, COSTS, OPEN = "Earning their keep", "Costing more than they bring", "Not shown to matter"

SHOWN = ("hr", CHOSEN_BY)
"""Measures in the terminal and in plots; JSON and the page's tables have all."""


def ablation_lines(every: Sequence[Ablated], k: int, *, log: str) -> Iterator[str]:
    """Give the layers of each table of queries with what they add, then the paragraph."""
    for one in every:
        yield ""
        yield f"{_title(one)}, {one.queries:,} queries: each layer on top of those above it"
        yield from _rows(one.added, k)
        yield "the whole blend, against the blend without:"
        yield from _rows(one.removed, k)
    for one in every:
        yield ""
        yield paragraph(one, k, log=log)


def _rows(layers: Sequence[Layer], k: int) -> Iterator[str]:
    heads = "  ".join(f"{named(measure, k):>7}  {'difference, interval, p':<26}" for measure in SHOWN)
    yield f"  {'layer':<26}{heads}".rstrip()
    for layer in layers:
        pairs = [layer.measures[measure] for measure in SHOWN]
        yield f"  {layer.name:<26}{'  '.join(f'{short(pair.first):>7}  {cell(pair):<26}' for pair in pairs)}".rstrip()


def paragraph(one: Ablated, k: int, *, log: str) -> str:
    """Say in plain words what each layer moved, and which parts earn their keep.

    Args:
        one: a table's ablation.
        k: length of the lists.
        log: what the log is called.
    """
    base = short(one.added[0].measures["hr"].second)
    steps = "; ".join(f"{layer.name} moved {_moved(layer, k)}" for layer in one.added)
    said = " ".join(f"{kind}: {', '.join(names)}." for kind, names in _sorted(one.removed).items() if names)
    return (
        f"On {log} ({_title(one)}, {one.queries:,} queries) popularity has {named('hr', k)} {base}. On top of it "
        f"{steps}. Left out of the whole, by {named(CHOSEN_BY, k)}, p adjusted for {len(one.removed)} tests. {said}"
    )


def _moved(layer: Layer, k: int) -> str:
    still = all(pair.first == pair.second and pair.paired.p == 1 for pair in layer.measures.values())
    return "nothing" if still else moved(layer.measures, "hr", k)


def _sorted(removed: Sequence[Layer]) -> dict[str, list[str]]:
    """Name the parts by what leaving them out showed."""
    kinds: dict[str, list[str]] = {EARNS: [], COSTS: [], OPEN: []}
    for layer, p in zip(removed, holm([layer.measures[CHOSEN_BY].paired.p for layer in removed]), strict=True):
        difference = layer.measures[CHOSEN_BY].paired.difference
        kind = OPEN if p >= SURE else EARNS if difference > 0 else COSTS
        kinds[kind].append(f"{layer.name} ({signed(difference)})")
    return kinds


def ablation_summary(every: Sequence[Ablated], k: int, *, log: str) -> dict[str, dict[str, object]]:
    """Give the same as JSON."""
    tables: dict[str, dict[str, object]] = {}
    for one in every:
        tables.setdefault(one.protocol, {})[one.table] = {
            "n": one.queries,
            "added": [{"layer": layer.name, "over": layer.over, **numbers(layer.measures, k)} for layer in one.added],
            "removed": [{"part": layer.name, **numbers(layer.measures, k)} for layer in one.removed],
            "paragraph": paragraph(one, k, log=log),
        }
    return tables


def add_ablation(page: Page, every: Sequence[Ablated], k: int, *, log: str) -> None:
    """Add the ablation to a page: for each table of queries what was added and what was left out, and plots."""
    page.heading("Does each layer earn its keep?")
    page.text(
        "Each layer is added to those above it, then each part is left out of the whole; a blend without a part has "
        "learned without it. Differences are paired over the same queries; intervals are 95 %, bootstrapped over "
        "visitors; p is of a randomisation test that flips whole visitors, not adjusted in the tables."
    )
    for one in every:
        page.text(paragraph(one, k, log=log))
        for name, layers in (("added", one.added), ("left out", one.removed)):
            _add(page, one, name, layers, k)


def _add(page: Page, one: Ablated, name: str, layers: Sequence[Layer], k: int) -> None:
    rows = [(layer.name, *(cell(pair) for pair in layer.measures.values())) for layer in layers]
    header = ("layer", *(named(measure, k) for measure in layers[0].measures))
    page.table(header, rows, caption=f"{_title(one)}, {one.queries:,} queries: {name}")
    for measure in SHOWN:
        pairs = [layer.measures[measure] for layer in layers]
        svg = plotted([layer.name for layer in layers], pairs, title=f"{named(measure, k)} {name}: {_title(one)}")
        page.figure(svg, caption=f"Differences in {named(measure, k)} with their 95 % intervals.")


def _title(one: Ablated) -> str:
    return f"{one.table}, {one.protocol}"
