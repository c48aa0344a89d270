"""Tables on the screen and in docs/benchmarks.md; the ratios come first, because only they travel between machines."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from kernel_report import sheets as kernel_sheets
from measure import Figures, Sent
from plan import FASTEST, Plan
from rich.console import Console
from sheet import Sheet, show
from stage import AISLE

REFERENCE = "aiokafka"
BUDGET_S = 0.5
"""CPU seconds per 1,000 slates without Kafka: half a millisecond a slate."""

ROWS = {
    "floor": "one hop through librdkafka: consume, produce the answer, wait for nothing, keep nothing",
    "aiokafka": "a bare loop: consume, produce the answer, await the broker, commit once a second; keeps nothing",
    "faust": "stock Faust: per event a table write and a send per slate; the answer is copied, nothing is decided",
    "faust, deciding": "the full job on stock Faust: aisle's own handler per event, table write, sends",
    "aisle": "`aisle worker clicks` with its defaults: sessions, learning, slates, changelog, exact delivery",
}


class Results(NamedTuple):
    """Everything that was measured."""

    profile: Mapping[str, Any]
    memory: Mapping[str, float]
    figures: Sequence[Figures]
    catch_up: Mapping[str, float]
    held: Sequence[Sent]
    kernels: Mapping[str, Any]


def render(results: Results, plan: Plan, where: Mapping[str, str], out: Path, *, quick: bool) -> None:
    """Print all tables and write the document."""
    sheets = [ratios(results), latencies(results, plan), throughput(results, plan), parts(results), memory(results)]
    sheets += kernel_sheets(results.kernels)
    console = Console()
    show(sheets, console)
    out.write_text(document(sheets, plan, where, results, quick=quick))
    console.print(f"Written to {out.name}")


def document(sheets: Sequence[Sheet], plan: Plan, where: Mapping[str, str], results: Results, *, quick: bool) -> str:
    """Write the document as Markdown."""
    short = " **This was a `--quick` run: it proves that the command works and nothing else.**" if quick else ""
    slates = slates_per_event(results)
    how = (
        f"Written by `make bench`; every figure is of one run, in which all rows took turns on one broker.{short} "
        "Absolute times say more about the machine than about the code: believe the ratios."
    )
    load = (
        f"- load: open loop, {plan.partitions} partitions, 3,000 products, 2,000 visitors at a time, events that each "
        f"ask for slates ({slates:.2f} slates an event, {results.profile['slate_bytes'] / 1000:.1f} KB a slate). A "
        "rate counts events. Every job gets the same bytes and writes slates of the same number and size."
    )
    lines = [
        "# Benchmarks",
        "",
        how,
        "",
        *(f"- {name}: {value}" for name, value in where.items()),
        load,
        "",
        *(f"- **{name}**: {what}" for name, what in ROWS.items()),
    ]
    for sheet in sheets:
        lines += ["", f"## {sheet.title}", "", sheet.note, "", _row(sheet.head), _row(["---"] * len(sheet.head))]
        lines += [_row(line) for line in sheet.lines]
    return "\n".join(lines) + "\n"


def ratios(results: Results) -> Sheet:
    """Hold aisle against the others, round by round."""
    lines = []
    for rate in sorted({one.rate for one in results.figures}):
        p50 = against(results.figures, rate, lambda one: one.append.p50)
        p99 = against(results.figures, rate, lambda one: one.append.p99)
        lines.append([f"latency at {rate:,.0f} events/s, p50 / bare aiokafka loop's", p50, "at most 1.5"])
        lines.append([f"latency at {rate:,.0f} events/s, p99 / bare aiokafka loop's", p99, "at most 1.5"])
    own, faust, full = (results.catch_up[job] for job in (AISLE, "faust", "faust, deciding"))
    spent = results.profile["total_s"]
    lines += [
        ["catch-up / full job on stock Faust's", _ratio(own, full), "at least 5"],
        ["catch-up / stock Faust's that decides nothing", _ratio(own, faust), ""],
        ["catch-up / bare aiokafka loop's", _ratio(own, results.catch_up[REFERENCE]), ""],
        ["CPU a slate without Kafka / budget", _ratio(spent, BUDGET_S), "at most 1"],
    ]
    return Sheet(
        "Ratios",
        "Latency ratios are taken within a round; shown is the median over rounds, then the rounds.",
        ["aisle's", "ratio", "target"],
        lines,
    )


def against(figures: Sequence[Figures], rate: float, of: Callable[[Figures], float]) -> str:
    """Give aisle's figure over the reference's in each round; a rate that was not held has no figure."""
    own, other = ([one for one in figures if one.job == job and one.rate == rate] for job in (AISLE, REFERENCE))
    found = [of(a) / of(b) for a, b in zip(own, other, strict=False) if a.held and b.held and of(b)]
    if not found:
        return "not held"
    return f"{median(found):.2f} ({', '.join(f'{one:.2f}' for one in found)})"


def latencies(results: Results, plan: Plan) -> Sheet:
    """Show every job at every rate, the median over rounds."""
    jobs = list(dict.fromkeys(one.job for one in results.figures))
    rows = [(rate, job) for rate in plan.rates for job in jobs]
    return Sheet(
        "Latency, ms",
        f"Medians over {plan.rounds} round(s) of {plan.window_s:.0f} s, after {plan.settle_s:.0f} s that are not "
        "counted. Append: from the broker's append of the event to its append of the slate (timestamps of 1 ms). "
        "Client: from when the event was due at the load generator to when a consumer has the slate. CPU seconds are "
        "per 1,000 slates.",
        ["events/s", "job", "append p50", "p90", "p99", "client p50", "p90", "p99", "job CPU s", "broker CPU s"],
        [_latency_line(rate, job, results.figures) for rate, job in rows],
    )


def _latency_line(rate: float, job: str, figures: Sequence[Figures]) -> list[str]:
    own = [one for one in figures if one.job == job and one.rate == rate]
    if not own or not all(one.held for one in own):
        return [f"{rate:,.0f}", job, "not held", *[""] * 7]
    times = [median(getattr(getattr(one, kind), p) for one in own) for kind in ("append", "client") for p in QUANTILES]
    spent = [median(one.job_cpu_s for one in own), median(one.broker_cpu_s for one in own)]
    return [f"{rate:,.0f}", job, *(f"{ms:.1f}" for ms in times), *(f"{s:.2f}" for s in spent)]


QUANTILES = ("p50", "p90", "p99")


def throughput(results: Results, plan: Plan) -> Sheet:
    """Show catch-up rates, and what was tried to find the highest rate held."""
    slates = slates_per_event(results)
    lines = [["catch-up", job, f"{rate:,.0f}", f"{rate * slates:,.0f}"] for job, rate in results.catch_up.items()]
    held = max((sent.rate for sent in results.held if sent.held), default=0.0)
    more = " (nothing higher was tried)" if held >= FASTEST else ""
    lines.append([f"held for {plan.hold_s:.0f} s{more}", AISLE, f"{held:,.0f}", f"{held * slates:,.0f}"])
    tried = ", ".join(f"{sent.rate:,.0f} {'held' if sent.held else 'not held'}" for sent in results.held)
    return Sheet(
        "Throughput",
        f"Catch-up: {plan.backlog:,} events as fast as the broker takes them, from the append of the first to "
        f"that of the last slate. A rate is held when every slate is there 3 s after the last event. Tried: {tried}.",
        ["what", "job", "events/s", "slates/s"],
        lines,
    )


def parts(results: Results) -> Sheet:
    """Show where a slate's CPU time goes."""
    profile = results.profile
    spent = dict(sorted(profile["parts_s"].items(), key=lambda part: -part[1]))
    live = [one.job_cpu_s for one in results.figures if one.job == AISLE and one.held and one.rate == MIDDLE]
    lines = [[part, f"{seconds:.3f}"] for part, seconds in spent.items()]
    lines.append(["**together, without Kafka**", f"**{profile['total_s']:.3f}**"])
    if live:
        lines.append(
            [
                f"Kafka: what the worker spends beyond that at {MIDDLE} events/s",
                f"{median(live) - profile['total_s']:.3f}",
            ]
        )
    return Sheet(
        "CPU seconds per 1,000 slates",
        f"In process, batches of 32 events, a model that has learned; budget {BUDGET_S} without Kafka. The parts were "
        "timed in a second pass, whose timers cost some; `together` is from the pass without them. A candidate source "
        "is asked for the slates and again for the training row, which is counted with the step.",
        ["part", "CPU s"],
        lines,
    )


MIDDLE = 100


def memory(results: Results) -> Sheet:
    """Show what products and sessions weigh."""
    what = {
        "products": "10,000 products with vectors of 384 dimensions",
        "sessions": "10,000 sessions: the worker's state",
        "model": "10,000 sessions: what the model keeps of them",
    }
    return Sheet(
        "Memory",
        "Growth of a process's resident memory.",
        ["what", "MB"],
        [[text, f"{results.memory[name] / 1e6:.1f}"] for name, text in what.items()],
    )


def slates_per_event(results: Results) -> float:
    """Count slates an event in what was answered in full."""
    held = [one for one in results.figures if one.held]
    return sum(one.slates for one in held) / max(1, sum(one.events for one in held))


def _ratio(a: float, b: float) -> str:
    return f"{a / b:.2f}" if b else "-"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
