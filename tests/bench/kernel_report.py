"""The engine's own figures as tables."""

from collections.abc import Mapping
from typing import Any

from kernel_decision import FOUND, REST, WHOLE
from sheet import Sheet

TOGETHER_US = 10.0
"""Budget of the kernels that learn every visit."""

DECISION_US = 1_000.0
"""Budget of a decision, 99th percentile."""

LEARNED = {
    "covisitation": "co-visitation",
    "transitions": "transitions",
    "session_knn": "session neighbours",
    "session_bpr": "session BPR",
    "popular": "recent popularity",
    "together": f"**these kernels together (target: at most {TOGETHER_US:.0f})**",
    "step": "a view's whole step: all of them, history, landing, numbering",
    "strong": "factors, for each cart or purchase",
    "row": "the blend, for each training row",
}

Figures = Mapping[str, Any]
"""What `kernels.py` measures; plain JSON."""


def sheets(figures: Figures) -> list[Sheet]:
    """Write learning, deciding and memory as tables."""
    return [_learning(figures), _deciding(figures), _memory(figures)]


def _learning(figures: Figures) -> Sheet:
    spent = figures["learning"]
    return Sheet(
        "Learning, us of CPU an event",
        f"A catalogue of {figures['products']:,} products; views of a model that has learned {figures['events']:,} "
        "before. Medians of 5 stretches, from Python, in one thread.",
        ["what", "us"],
        [[text, f"{spent[name]:.1f}"] for name, text in LEARNED.items()],
    )


def _deciding(figures: Figures) -> Sheet:
    stages = figures["deciding"]
    targets = {WHOLE: f"p99 at most {DECISION_US:,.0f}", REST: ""}
    lines = [
        [stage, f"{p50:,.0f}", f"{p99:,.0f}", targets.get(stage, "")]
        for stage, (p50, p99) in stages.items()
        if stage != FOUND
    ]
    found = stages[FOUND]
    return Sheet(
        "One decision, us",
        f"The product page's slate among {figures['products']:,} products with vectors of 384 dimensions, "
        f"{figures['decisions']:,} visitors of 1 to 10 views each, {found[0]:.0f} candidates (median); CPU of the "
        "thread, and wall for the whole. Every visitor's direction is new to the exact index, which reads all vectors.",
        ["stage", "p50", "p99", "target"],
        lines,
    )


def _memory(figures: Figures) -> Sheet:
    weights = figures["memory"]
    lines = [[f"a product: {name}", f"{size:,.0f}"] for name, size in weights["product"].items()]
    lines.append(["**a product in all**", f"**{sum(weights['product'].values()):,.0f}**"])
    lines += [[name, f"{size:,.0f}"] for name, size in weights["session"].items()]
    return Sheet(
        "Memory of the arrays, bytes",
        "A row of every array, without names and without the room that arrays keep to grow.",
        ["what", "bytes"],
        lines,
    )
