"""An empty plot, and the SVG of a full one: the only file that knows matplotlib's ways.

matplotlib is loaded by the first plot that is drawn. Its settings are changed while one is drawn and at no other time.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from streams.pages.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's: told apart by colour-blind readers too, and visible on light and dark."""

WIDTH = 5.0
"""Inches, 72 units each: on a phone's screen the text then has its own size."""

_INK = "#010203"
"""Stands for the colour of the page's text until the SVG is written."""

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_HASH_SALT = "aisle"


class Drawing:
    """A plot that is being drawn: its axes, and, once it is done, its SVG."""

    def __init__(self, axes: "Axes") -> None:
        self.axes = axes
        self.svg = ""


@contextmanager
def drawing(*, height: float, title: str, told: str) -> Iterator[Drawing]:
    """Give axes to draw on; the SVG is there afterwards, the same bytes for the same plot.

    Args:
        height: inches.
        title: what the plot shows.
        told: the same as the plot in words, for those who do not see it.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the reader's browser has it
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        drawn = Drawing(figure.add_subplot())
        drawn.axes.spines[["top", "right"]].set_visible(False)
        yield drawn
        written = io.StringIO()
        figure.savefig(
            written,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
    drawn.svg = _finished(written.getvalue(), printable(title), printable(f"{title}. {told}"))


def _style() -> dict[Any, Any]:
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inked, _INK),
        "font.size": 9.0,
        "font.family": "sans-serif",
        "text.parse_math": False,  # a title with dollars in it is a title
        "text.usetex": False,
        "svg.fonttype": "none",
        "svg.hashsalt": _HASH_SALT,
        "legend.frameon": False,
        "axes.unicode_minus": True,
        "timezone": "UTC",
    }


def _finished(written: str, title: str, told: str) -> str:
    """Make an SVG fit to stand in a page beside others: named, in the page's colour, without ids that meet."""
    root = ET.fromstring(written)  # noqa: S314  written just above
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", told)
    named = ET.Element(f"{{{_SVG}}}title")
    named.text = title
    root.insert(0, named)
    _own_ids(root)
    for element in root.iter():
        element.attrib.update({name: value.replace(_INK, "currentColor") for name, value in element.attrib.items()})
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _LINK[1:].partition("}")[0])
    return ET.tostring(root, encoding="unicode")


def _own_ids(root: ET.Element) -> None:
    """Keep only the ids that are referred to. matplotlib makes those from what they name: where two meet, both fit."""
    text = " ".join(value for element in root.iter() for value in element.attrib.values())
    used = set(re.findall(r"url\(#([^)]+)\)", text))
    used |= {element.get(_LINK, "").removeprefix("#") for element in root.iter()}
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
