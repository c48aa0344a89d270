"""An outcome in tables for a terminal of 100 columns."""

from collections.abc import Iterator, Sequence
from math import isnan

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from models.beyond_accuracy import Qualities
from models.intervals import Interval
from streams.evaluation.figures import Figures
from streams.evaluation.lists import BLEND
from streams.evaluation.plan import Protocol
from streams.evaluation.running import Outcome
from streams.sources.reasons import explained

COLUMNS = 100

NAMES = {"hr": "HR", "mrr": "MRR", "ndcg": "nDCG", "recall": "recall", "precision": "precision"}
"""Measures as headings say them."""

CUTS = {"session length": "length", "popularity decile": "decile"}
"""Cuts of slices in a word, where their name is longer."""

PROTOCOLS: dict[Protocol, str] = {
    "static": "learning is frozen after the split and the test part's sessions are asked one event after the other, "
    "as papers measure",
    "prequential": "every event of the test part is predicted first and then learned, as in a shop",
}

FEW = 30
"""Queries; of fewer even the intervals are too narrow."""

ABOUT_LISTS = (
    "coverage: share of the catalogue in any list; Gini: 0 when all products are listed alike, 1 when one has all; "
    "popularity: events learned of a listed product; novelty: bits; diversity: 1 - likeness of a list's pairs; cold: "
    "share of listed products with fewer than 5 events."
)


def print_outcome(outcome: Outcome, figures: Sequence[Figures]) -> None:
    """Print what an evaluation found."""
    console = Console()
    if not console.is_terminal:
        console.width = COLUMNS
    for protocol in outcome.tables:
        of_it = [one for one in figures if one.protocol == protocol]
        if of_it:
            console.print(f"\n[bold]{protocol}[/bold]: {PROTOCOLS[protocol]}.")
        for one in of_it:
            for table in (accuracy(one), qualities(one), parts(one)):
                if table.row_count:
                    console.print(table)
    if any(one.qualities for one in figures):
        console.print(ABOUT_LISTS, style="dim")
    for line in (*in_short(figures), *lines(outcome)):
        console.print(line, markup=False)


def in_short(figures: Sequence[Figures]) -> Iterator[str]:
    """Say of each table how the blend did beside the best source and the best reference, in a sentence."""
    for one in figures:
        names = dict.fromkeys((BLEND, one.best_source, next(iter(one.references), None)))
        told = [_result(one, name) for name in names if name]
        few = f" Fewer than {FEW} queries tell little." if one.n < FEW else ""
        yield f"{one.protocol}, {one.table}, HR@{one.k} of {one.n:,} queries: {', '.join(told)}.{few}"


def span(one: Interval) -> str:
    """Write a mean with its interval, where that is known."""
    return _number(one.mean) if isnan(one.low) else f"{_number(one.mean)} [{_number(one.low)}, {_number(one.high)}]"


def _result(figures: Figures, ranker: str) -> str:
    return f"{ranker} {span(figures.measures[ranker]['hr'])}"


def lines(outcome: Outcome) -> Iterator[str]:
    """Say what has to be known beside the tables."""
    train, test = outcome.events
    took = sum(outcome.seconds.values())
    stages = ", ".join(f"{stage} {seconds:,.1f} s" for stage, seconds in outcome.seconds.items())
    yield f"{train:,} events learned, {test:,} tested; {took:,.1f} s ({stages})."
    working = took - outcome.seconds.get("opening", 0.0)
    rate = outcome.predictions / working if working else 0.0
    yield f"{outcome.predictions:,} predictions, {rate:,.0f} a second with all that is learned between them."
    yield "[low, high]: 95 % bootstrap intervals over whole visitors (sessions where no visitor is known)."
    yield from outcome.notes
    yield from explained(outcome.refused)
    if sum(outcome.refused.values()) > train + test:
        yield "More lines were refused than read: mend the file before you believe the figures."


def accuracy(figures: Figures) -> Table:
    """Tabulate how often rankers were right, references apart."""
    measures = ("hr", "mrr", "ndcg") if figures.single else ("hr", "mrr", "ndcg", "recall", "precision")
    title = f"{figures.table}: {figures.n:,} queries of {figures.units:,} visitors"
    table = _table(title, ["", *(f"{NAMES[measure]}@{figures.k}" for measure in measures)])
    join = "  " if figures.single else "\n"
    for names in (figures.own, figures.references):
        for name in names:
            table.add_row(name, *(_bounds(figures.measures[name][measure], join) for measure in measures))
        table.add_section()
    return table


def qualities(figures: Figures) -> Table:
    """Tabulate what lists are like apart from being right."""
    headings = ["", "coverage", "Gini", "popularity", "novelty", "diversity", "cold"]
    table = _table(f"{figures.table}: what the lists are like", headings)
    for names in (figures.own, figures.references):
        for name in names:
            if name in figures.qualities:
                table.add_row(name, *quality(figures.qualities[name]))
        table.add_section()
    return table


def quality(one: Qualities) -> list[str]:
    """Write the figures of lists: coverage, Gini, popularity, novelty, diversity, cold."""
    return [
        _number(one.coverage),
        _number(one.gini),
        _number(one.popularity, ",.1f"),
        _number(one.novelty, ".2f"),
        _number(one.diversity),
        _number(one.cold),
    ]


def parts(figures: Figures) -> Table:
    """Tabulate slices, the blend beside the best source and recent popularity."""
    measures = ("hr", "mrr")
    headings = [
        f"{name.replace('_', ' ')}\n{NAMES[measure]}@{figures.k}" for name in figures.contrasted for measure in measures
    ]
    title = f"{figures.table}: by kind of query (decile 1: what is wanted most)"
    table = _table(title, ["", "queries", *headings], widest=10)
    for cut, found in figures.cuts().items():
        for part in found:
            means = [part.means[name][measure] for name in figures.contrasted for measure in measures]
            table.add_row(f"{CUTS.get(cut, cut)} {part.label}", f"{part.n:,}", *map(_number, means))
        table.add_section()
    return table


def _table(title: str, headings: Sequence[str], *, widest: int | None = None) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="right" if at else "left", max_width=widest if at else None, no_wrap=not at)
    return table


def _bounds(one: Interval, join: str) -> str:
    if isnan(one.low):
        return f"{_number(one.mean)}{join}\\[not known]"
    return f"{_number(one.mean)}{join}\\[{_number(one.low)}, {_number(one.high)}]"


def _number(value: float, form: str = ".3f") -> str:
    return "-" if isnan(value) else format(value, form)
