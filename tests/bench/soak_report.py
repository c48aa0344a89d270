"""Whether a soak's figures stayed flat, on the screen and in docs/soak.md."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

SESSION_BYTES = 2_500
"""What a session may take for good until the model's and the profile's limits are reached: see docs/benchmarks.md."""


class Minute(NamedTuple):
    """One stretch: what was sent, and the worker meanwhile.

    `sessions` counts those begun before it; `memory` is the median, bytes; `handles` the most open files; `lag` the
    median of records waiting; `unanswered` the slates still owed at its end.
    """

    number: int
    seconds: float
    events: int
    sessions: int
    memory: float
    handles: int
    lag: float
    p50_ms: float
    p99_ms: float
    unanswered: int


class Verdict(NamedTuple):
    """One figure in the first and the last quarter of the run, its bound in words, and whether that holds."""

    what: str
    first: float
    last: float
    bound: str
    flat: bool


def judge(minutes: Sequence[Minute]) -> list[Verdict]:
    """Hold the last quarter against the first."""
    quarter = max(1, len(minutes) // 4)
    first, last = minutes[:quarter], minutes[-quarter:]

    def both(of: Callable[[Minute], float], over: Callable[[list[float]], float] = median) -> tuple[float, float]:
        return over([of(one) for one in first]), over([of(one) for one in last])

    memory, handles = both(lambda one: one.memory / 1e6), both(lambda one: one.handles, max)
    lag, p50, p99 = both(lambda one: one.lag), both(lambda one: one.p50_ms), both(lambda one: one.p99_ms)
    begun = both(lambda one: one.sessions)
    due = (begun[1] - begun[0]) * SESSION_BYTES / 1e6
    unanswered = both(lambda one: one.unanswered)
    return [
        Verdict("memory, MB", *memory, f"5 % and {due:.0f} MB for {begun[1] - begun[0]:,.0f} new sessions",
                memory[1] <= 1.05 * memory[0] + due),
        Verdict("open files", *handles, "5 more", handles[1] <= handles[0] + 5),
        Verdict("lag, records", *lag, "twice, or 100", lag[1] <= max(2 * lag[0], 100)),
        Verdict("latency p50, ms", *p50, "half more and 5 ms", p50[1] <= 1.5 * p50[0] + 5),
        Verdict("latency p99, ms", *p99, "twice and 50 ms", p99[1] <= 2 * p99[0] + 50),
        Verdict("slates owed", *unanswered, "none at the end", minutes[-1].unanswered == 0),
    ]  # fmt: skip


def render(minutes: Sequence[Minute], verdicts: Sequence[Verdict], where: Mapping[str, str], out: Path) -> None:
    """Print the verdicts and write the document."""
    table = Table(*HEAD, title="Soak")
    for one in verdicts:
        table.add_row(*_cells(one))
    Console().print(table)
    out.write_text(document(minutes, verdicts, where))


def document(minutes: Sequence[Minute], verdicts: Sequence[Verdict], where: Mapping[str, str]) -> str:
    """Write the document as Markdown."""
    total = sum(one.seconds for one in minutes) / 60
    how = (
        f"Written by `make soak`: one worker, {total:.0f} minutes, events at a steady rate: half of what it can work "
        "through, where no other was asked for. Latency is from the broker's append of the event to its append of the "
        "slate; memory and lag are medians of a stretch."
    )
    lines = ["# Soak", "", how, "", *(f"- {name}: {value}" for name, value in where.items()), ""]
    lines += [_row(HEAD), _row(["---"] * len(HEAD)), *(_row(_cells(one)) for one in verdicts), ""]
    head = ("stretch", "seconds", "events", "memory MB", "open files", "lag", "p50 ms", "p99 ms", "owed")
    lines += [_row(head), _row(["---"] * len(head))]
    for one in minutes:
        figures = (f"{one.memory / 1e6:.0f}", one.handles, f"{one.lag:.0f}", f"{one.p50_ms:.0f}", f"{one.p99_ms:.0f}")
        lines.append(
            _row([str(cell) for cell in (one.number, f"{one.seconds:.0f}", one.events, *figures, one.unanswered)])
        )
    return "\n".join(lines) + "\n"


HEAD = ("what", "first quarter", "last quarter", "may grow by", "flat")


def _cells(one: Verdict) -> tuple[str, ...]:
    return one.what, f"{one.first:,.0f}", f"{one.last:,.0f}", one.bound, "yes" if one.flat else "NO"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
