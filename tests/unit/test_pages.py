"""Reports as pages, and the plots in them."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from math import nan
from xml.etree import ElementTree as ET

import pytest

from streams.pages import Page
from streams.pages.plots import bars, differences, grouped_bars, lines, points

HOSTILE = 'Kettle <script>alert("x")</script> & $\\frac{1}{2}$ \x00 id="a" ]]> \u8336'
SVG = "{http://www.w3.org/2000/svg}"

PLOTS: dict[str, Callable[[str], str]] = {
    "bars": lambda text: bars([text, "b"], [1.0, 2.0], low=[0.5, 1.5], high=[2, 3], title=text, unit=text),
    "grouped": lambda text: grouped_bars([text], {text: [1.0], "b": [2.0]}, title=text, unit=text),
    "differences": lambda text: differences([text], [0.2], low=[-0.1], high=[float("nan")], title=text, unit=text),
    "lines": lambda text: lines([1, 2], {text: [1.0, 2.0], "b": [2, 1]}, title=text, x_label=text, y_label=text),
    "points": lambda text: points([text, "b"], [1.0, 2.0], [2.0, 1.0], title=text, x_label=text, y_label=text),
}


class Elements(HTMLParser):
    """Every element of a page with its attributes, and every text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def full_page(text: str) -> str:
    """Make a page that has everything, with the same text everywhere."""
    page = Page(text)
    page.heading(text)
    page.text(text)
    page.table([text, "share"], [[text, "12.5 %"], ["other", "1,000"]], caption=text)
    for draw in PLOTS.values():
        page.figure(draw(text), caption=text)
    return page.html()


@pytest.fixture(scope="module")
def hostile() -> str:
    """Give a page about a product whose title is markup."""
    return full_page(HOSTILE)


def test_markup_in_a_title_is_text_on_the_page(hostile: str) -> None:
    """A product may be called anything."""
    elements = Elements(hostile)

    assert not elements.named("script")
    assert "<script" not in hostile
    assert HOSTILE.replace("\x00", "\N{REPLACEMENT CHARACTER}") in elements.texts
    assert "\x00" not in hostile


def test_a_page_asks_nobody_for_anything(hostile: str) -> None:
    """It is read where there is no network, and tells nobody that it is read."""
    elements = Elements(hostile)
    asking = {"src", "href", "action", "data", "poster", "srcset", "background"}
    links = [value for _, attributes in elements.found for name, value in attributes.items() if name in asking]
    inner = [value for _, attributes in elements.found if (value := attributes.get("xlink:href"))]

    assert links == []
    assert inner
    assert all(value.startswith("#") for value in inner)
    assert "@import" not in hostile
    assert not [name for name in ("link", "img", "iframe", "base", "object") if elements.named(name)]
    assert any("default-src 'none'" in str(one.get("content")) for one in elements.named("meta"))


def test_a_page_is_readable_on_a_phone_in_light_and_in_dark(hostile: str) -> None:
    """The width is the screen's, and the colours follow the reader's system, in plots too."""
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in Elements(hostile).named("meta")
    assert "prefers-color-scheme: dark" in hostile
    assert "currentColor" in hostile
    assert "#010203" not in hostile


def test_tables_say_what_their_cells_belong_to() -> None:
    """Columns and rows have heads with a scope; numbers stand under each other."""
    elements = Elements(full_page("brand"))

    assert [one["scope"] for one in elements.named("th")] == ["col", "col", "row", "row"]
    assert [one.get("class") for one in elements.named("td")] == ["number", "number"]
    assert len(elements.named("caption")) == 1
    assert [len(elements.named(name)) for name in ("h1", "h2", "main", "figure", "figcaption")] == [1, 1, 1, 5, 5]


def test_a_row_of_another_length_is_a_mistake_of_the_caller() -> None:
    """It would shift every number after it."""
    with pytest.raises(ValueError, match="cell"):
        Page("p").table(["a", "b"], [["1"]], caption="c")


def test_a_table_without_rows_has_its_heads() -> None:
    """Nothing to report is a report."""
    page = Page("p")
    page.table(["a", "b"], [], caption="c")

    assert len(Elements(page.html()).named("th")) == 2


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_the_same_every_time_and_says_what_it_shows(name: str) -> None:
    """Two runs over one log give one report; who does not see the plot hears it."""
    svg = PLOTS[name]("Kettle")
    root = ET.fromstring(svg)

    assert svg == PLOTS[name]("Kettle")
    assert root.get("role") == "img"
    assert "Kettle" in root.get("aria-label", "")
    assert "2" in root.get("aria-label", "")
    assert root.findtext(f"{SVG}title") == "Kettle"
    assert "<metadata" not in svg


def test_plots_on_one_page_share_no_id() -> None:
    """An id that stands twice is no id; only ids of equal things may meet."""
    markers = ET.fromstring(PLOTS["lines"]("Kettle"))
    own = Counter(element.get("id") for element in markers.iter() if element.get("id"))

    assert all(count == 1 for count in own.values())
    assert "figure_1" not in own
    assert "axes_1" not in own


def test_a_whisker_reaches_from_low_to_high() -> None:
    """An interval that does not hold its value, by rounding, still draws."""
    told = ET.fromstring(bars(["a"], [2.0], low=[2.1], high=[3.0], title="Likeness", unit="times chance")).get(
        "aria-label"
    )

    assert told == "Likeness. a 2 (2.1 to 3) (times chance)"


def test_plots_without_data_say_so() -> None:
    """Empty or unknown values are no error."""
    times = [datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(3)]
    empty = bars([], [], title="Shown", unit="%")
    gap = lines(times, {"Gini": [0.1, nan, 0.3]}, title="Gini", x_label="hour", y_label="Gini")
    unknown = lines([], {"Gini": []}, title="Gini", x_label="hour", y_label="Gini")

    assert "nothing to show" in empty
    assert "from 0.1 to 0.3" in gap
    assert "2026-05-01 00:00 to 2026-05-01 02:00" in gap
    assert "not known" in unknown


def test_matplotlib_is_loaded_by_the_first_plot_alone() -> None:
    """A worker never draws."""
    code = "import sys, streams.pages.plots, streams.pages; print({'matplotlib', 'jinja2'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"set()\n"
