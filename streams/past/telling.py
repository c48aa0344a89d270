"""A verification's report in words."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.past.report import Report


def plain_text(value: Any, most: int = 80) -> str:
    """Write any value for a terminal: control characters replaced, markup harmless, not too long."""
    text = value if isinstance(value, str) else repr(value)
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return escape(clean if len(clean) <= most else clean[: most - 1] + "…")


def print_report(report: Report) -> None:
    """Print what a verification came to."""
    console = Console()
    table = Table(title="Recorded slates, decided again", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in _rows(report):
        table.add_row(name, f"{count:,}")
    console.print(table)
    for one in report.differences:
        path, recorded, again = one.first
        said = f"{plain_text(recorded)} was recorded, {plain_text(again)} came out"
        name = plain_text(one.slate_id) + (f" revision {one.revision}" if one.revision else "")
        console.print(f"{name}: {one.what} {plain_text(path)}: {said}", soft_wrap=True)
    console.print(f"hash of what came out: {report.hash}", soft_wrap=True)
    console.print(_verdict(report), soft_wrap=True)


def _rows(report: Report) -> list[tuple[str, int]]:
    return [
        ("compared", report.compared),
        ("  equal", report.equal),
        ("  differing", report.differing),
        *([("  of them later revisions", report.revisions)] if report.revisions else []),
        ("states equal", report.states_equal),
        ("states differing", report.states_differing),
        *([("states without consent (none kept)", report.states_none)] if report.states_none else []),
        *([("states whose history is not kept", report.states_missing)] if report.states_missing else []),
        *((f"not compared, missing: {name}", count) for name, count in sorted(report.missing.items())),
        *((f"not compared, other {name}", count) for name, count in sorted(report.other.items())),
        ("repeats of a slate", report.repeats),
        *([("slates of campaigns (no event to decide from)", report.campaigns)] if report.campaigns else []),
        ("passes over the logs", report.passes),
    ]


def _verdict(report: Report) -> str:
    if report.proven:
        return "Everything that was compared is equal."
    if report.differing or report.states_differing:
        return "The past does not come out again: something that decides was changed without its name changing."
    return (
        "Nothing could be compared: slates need evidence (AISLE_EVIDENCE_SHARE), the logs they came from, and the "
        "build, settings and generation they were decided with."
    )
