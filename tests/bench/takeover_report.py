"""The table of `make takeover`, on the screen and in docs/takeover.md."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from takeover_scale import Backlog, Results, Rolling, Start, TakenOver
from waits import Answered


class Figure(NamedTuple):
    """One line: what, its value and unit; `target` says what it should be, `met` whether it is."""

    key: str
    what: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None


def figures(results: Results) -> list[Figure]:
    """Give all figures of the parts that were measured."""
    parts: list[tuple[Callable[..., Iterator[Figure]], object]] = [
        (_start, results.start),
        (_takeover, results.takeover),
        (_rolling, results.rolling),
        (_backlog, results.backlog),
    ]
    return [figure for of, part in parts if part is not None for figure in of(part)]


def render(results: Results, where: Mapping[str, str], out: Path, *, short: bool) -> None:
    """Print the table and write the document."""
    console, found = Console(), figures(results)
    table = Table("what", "value", "target", "met", title="Start and takeover")
    for figure in found:
        table.add_row(*_cells(figure))
    console.print(table)
    out.write_text(document(found, where, short=short))
    console.print(f"Written to {out.name}")


def document(found: list[Figure], where: Mapping[str, str], *, short: bool) -> str:
    """Write the document as Markdown."""
    warning = " **This was a short run: it proves that the command works and nothing else.**" if short else ""
    how = (
        f"Written by `make takeover`; every figure is of one run on one broker.{warning} Waits are taken by the "
        "broker's clock alone: from its append of the event to its append of the slate."
    )
    lines = [
        "# Start and takeover",
        "",
        how,
        "",
        *(f"- {name}: {value}" for name, value in where.items()),
        "",
        "| what | value | target | met |",
        "| --- | --- | --- | --- |",
        *(f"| {' | '.join(_cells(figure))} |" for figure in found),
    ]
    return "\n".join(lines) + "\n"


def _cells(figure: Figure) -> tuple[str, str, str, str]:
    digits = 0 if figure.value >= 100 or figure.value == int(figure.value) else 2
    met = {None: "", True: "yes", False: "no"}[figure.met]
    return figure.what, f"{figure.value:,.{digits}f} {figure.unit}".strip(), figure.target, met


def _start(start: Start) -> Iterator[Figure]:
    rate = start.size / 1e6 / start.restore_s
    million = start.visitors / 1_000_000
    limit_s = 20 * max(1.0, million)
    yield Figure("visitors", "visitors whose states are restored", start.visitors, "")
    yield Figure("state_bytes", "key and state of one, mean", start.size / start.visitors, "B")
    yield Figure("restored", "of them restored", start.restored, "", "all", start.restored == start.visitors)
    yield Figure("restore_mb_s", "restore", rate, "MB/s", "at least 100", rate >= 100)
    yield Figure("restore_records_s", "restore", start.visitors / start.restore_s, "records/s")
    yield Figure("restore_s", "restore, with connecting", start.restore_s, "s")
    yield Figure("ready_s", "process start to ready", start.ready_s, "s")
    yield Figure(
        "first_slate_s", "process start to the first slate", start.first_slate_s, "s", f"at most {limit_s:.0f}",
        start.first_slate_s <= limit_s,
    )  # fmt: skip
    yield Figure("last_slate_s", "process start to the last slate of what waited", start.last_slate_s, "s")
    yield Figure("memory_mb", "memory of the worker when ready", start.memory / 1e6, "MB")
    yield Figure(
        "peak_ratio", "its highest until then / that", start.peak / start.memory, "", "at most 1.2",
        start.peak <= 1.2 * start.memory,
    )  # fmt: skip


def _takeover(one: TakenOver) -> Iterator[Figure]:
    limit_s = one.session_timeout_s + 3
    yield Figure(
        "takeover_s", f"kill -9 of one of two workers, {one.visitors:,} visitors: until all its partitions serve",
        one.serves_after_s, "s", f"at most session timeout + 3 = {limit_s:.0f}", one.serves_after_s <= limit_s,
    )  # fmt: skip
    yield Figure("takeover_wait_s", "longest wait of any event meanwhile", one.worst_wait_s, "s")
    yield from _slates("takeover", one.slates)


def _rolling(one: Rolling) -> Iterator[Figure]:
    yield Figure("rolling_slates_s", "rolling restart of two workers: slates", one.slates_per_s, "/s")
    yield Figure(
        "rolling_wait_s", "longest wait of any event meanwhile", one.worst_wait_s, "s", "at most 8",
        one.worst_wait_s <= 8,
    )  # fmt: skip
    yield Figure("stop_s", "SIGTERM until the process is gone, the longer of both", max(one.stops_s), "s")
    yield Figure("start_s", "process start to ready, the longer of both", max(one.starts_s), "s")
    yield from _slates("rolling", one.slates)


def _slates(part: str, slates: Answered) -> Iterator[Figure]:
    yield Figure(f"{part}_missing", "slates that did not come", slates.missing, "", "none", slates.missing == 0)
    yield Figure(f"{part}_doubled", "slates that came twice", slates.doubled, "", "none", slates.doubled == 0)


def _backlog(one: Backlog) -> Iterator[Figure]:
    grown = (one.peak - one.before) / 1e6
    yield Figure("backlog_events", "events that come at once", one.events, "")
    yield Figure("backlog_mb", "their size", one.size / 1e6, "MB")
    yield Figure("backlog_left", "of them waiting when memory was last looked at", one.left, "")
    yield Figure("backlog_before_mb", "memory of the worker before", one.before / 1e6, "MB")
    yield Figure("backlog_grown_mb", "growth at most while they wait", grown, "MB", "at most 200", grown <= 200)
    yield Figure("backlog_after_mb", "memory at the end", one.after / 1e6, "MB")
