"""Plots as SVG: bars, bars side by side, differences, lines, named points."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from streams.pages.canvas import COLOURS, drawing
from streams.pages.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABEL = 26
"""Characters of a label that are drawn; all of it is in the text beside the plot."""

_DASHES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D")


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    title: str,
    unit: str,
) -> str:
    """Draw one horizontal bar for each label, the first on top.

    Args:
        labels: texts, shape (n,).
        values: shape (n,); nan draws no bar.
        low: lower ends of the values' intervals, shape (n,); with `high`.
        high: their upper ends, shape (n,).
        title: what the plot shows.
        unit: of the values.

    Returns:
        an SVG element.
    """
    told = [f"{one} {_number(value)}" for one, value in zip(labels, values, strict=True)]
    whiskers = None
    if low is not None and high is not None:
        ends = list(zip(values, low, high, strict=True))
        told = [f"{one} ({_number(lo)} to {_number(hi)})" for one, (_, lo, hi) in zip(told, ends, strict=True)]
        whiskers = [[max(0.0, value - lo) for value, lo, _ in ends], [max(0.0, hi - value) for value, _, hi in ends]]
    with drawing(height=_height(len(labels)), title=title, told=_words(told, unit)) as drawn:
        drawn.axes.barh(
            range(len(labels)), values, height=0.7, color=COLOURS[0], xerr=whiskers, ecolor="#7f7f7f", capsize=2
        )
        _label_bars(drawn.axes, labels, title, unit)
    return drawn.svg


def grouped_bars(labels: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str, unit: str) -> str:
    """Draw a bar of each series beside the others for each label, the first on top.

    Args:
        labels: texts, shape (n,).
        series: values by name, each of shape (n,); nan draws no bar.
        title: what the plot shows.
        unit: of the values.

    Returns:
        an SVG element.
    """
    told = [
        f"{label}: " + ", ".join(f"{name} {_number(values[at])}" for name, values in series.items())
        for at, label in enumerate(labels)
    ]
    thick = 0.8 / max(1, len(series))
    with drawing(height=_height(len(labels) * len(series)), title=title, told=_words(told, unit)) as drawn:
        for at, (name, values) in enumerate(series.items()):
            places = [row - 0.4 + thick * (at + 0.5) for row in range(len(labels))]
            drawn.axes.barh(places, values, height=thick, color=COLOURS[at % len(COLOURS)], label=_drawn(name))
        _label_bars(drawn.axes, labels, title, unit)
        _legend(drawn.axes, len(series))
    return drawn.svg


def differences(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    low: Sequence[float],
    high: Sequence[float],
    title: str,
    unit: str,
) -> str:
    """Draw one point with its whiskers for each label, the first on top, and a line where there is no difference.

    Args:
        labels: texts, shape (n,).
        values: shape (n,).
        low: lower ends of the values' intervals, shape (n,); nan draws no whiskers.
        high: their upper ends, shape (n,).
        title: what the plot shows.
        unit: of the values.

    Returns:
        an SVG element.
    """
    every = list(zip(labels, values, low, high, strict=True))
    told = [f"{one} {_number(value)} ({_number(lo)} to {_number(hi)})" for one, value, lo, hi in every]
    whiskers = [
        [max(0.0, value - lo) for _, value, lo, _ in every],
        [max(0.0, hi - value) for _, value, _, hi in every],
    ]
    with drawing(height=_height(len(labels)), title=title, told=_words(told, unit)) as drawn:
        drawn.axes.axvline(0, color="#7f7f7f", linewidth=0.8)
        drawn.axes.errorbar(
            values, range(len(labels)), xerr=whiskers, fmt="o", markersize=4, color=COLOURS[0], capsize=2
        )
        _label_bars(drawn.axes, labels, title, unit)
    return drawn.svg


def lines(
    x: Sequence[float] | Sequence[datetime],
    series: Mapping[str, Sequence[float]],
    *,
    title: str,
    x_label: str,
    y_label: str,
) -> str:
    """Draw a line for each series.

    Args:
        x: numbers or times, ascending, shape (n,).
        series: values by name, each of shape (n,); nan leaves a gap.
        title: what the plot shows.
        x_label: what x is, with its unit.
        y_label: what the values are, with their unit.

    Returns:
        an SVG element.
    """
    told = [f"{name}: {_course(values)}" for name, values in series.items()]
    over = f" over {x_label}, {_place(x[0])} to {_place(x[-1])}" if x else ""
    with drawing(height=2.6, title=title, told=_words(told, y_label) + over) as drawn:
        for at, (name, values) in enumerate(series.items()):
            look = {"color": COLOURS[at % len(COLOURS)], "linestyle": _DASHES[at // len(COLOURS) % len(_DASHES)]}
            marker = "o" if len(x) <= 48 else ""
            drawn.axes.plot(x, values, marker=marker, markersize=3, label=_drawn(name), **look)  # type: ignore[arg-type]
        if x and isinstance(x[0], datetime):
            _show_times(drawn.axes)
        drawn.axes.set(title=_drawn(title, 60), xlabel=_drawn(x_label, 60), ylabel=_drawn(y_label, 40))
        _legend(drawn.axes, len(series))
    return drawn.svg


def points(
    labels: Sequence[str], x: Sequence[float], y: Sequence[float], *, title: str, x_label: str, y_label: str
) -> str:
    """Draw a named point for each label; the names are in the legend, where they cannot meet.

    Args:
        labels: texts, shape (n,).
        x: shape (n,); nan draws no point.
        y: shape (n,); nan draws no point.
        title: what the plot shows.
        x_label: what x is, with its unit.
        y_label: what y is, with its unit.

    Returns:
        an SVG element.
    """
    told = [f"{label} ({_number(a)}, {_number(b)})" for label, a, b in zip(labels, x, y, strict=True)]
    with drawing(height=3.4, title=title, told=_words(told, f"{x_label}, {y_label}")) as drawn:
        for at, label in enumerate(labels):
            marker = _MARKERS[at // len(COLOURS) % len(_MARKERS)]
            drawn.axes.scatter(x[at], y[at], color=COLOURS[at % len(COLOURS)], marker=marker, label=_drawn(label))
        drawn.axes.set(title=_drawn(title, 60), xlabel=_drawn(x_label, 60), ylabel=_drawn(y_label, 40))
        _legend(drawn.axes, len(labels))
    return drawn.svg


def _label_bars(axes: "Axes", labels: Sequence[str], title: str, unit: str) -> None:
    axes.set_yticks(range(len(labels)), [_drawn(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set(title=_drawn(title, 60), xlabel=_drawn(unit, 60))


def _show_times(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=2, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _legend(axes: "Axes", count: int) -> None:
    """Name the series above the plot, where no bar or line is in the way; a single one is named by the title."""
    if count > 1:
        axes.figure.legend(loc="outside upper left", ncols=3, fontsize=8)


def _height(bars_drawn: int) -> float:
    return 0.9 + 0.22 * max(2, bars_drawn)


def _drawn(text: str, most: int = LABEL) -> str:
    return printable(text, most)


def _words(told: Sequence[str], unit: str) -> str:
    return f"{'; '.join(told) or 'nothing to show'} ({unit})"


def _course(values: Sequence[float]) -> str:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return "not known"
    return (
        f"from {_number(known[0])} to {_number(known[-1])}, lowest {_number(min(known))}, highest {_number(max(known))}"
    )


def _place(x: float | datetime) -> str:
    return x.strftime("%Y-%m-%d %H:%M") if isinstance(x, datetime) else _number(x)


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "not known"
