"""A page of headings, texts, tables and plots, in one file."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from streams.pages.printable import printable

_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?[0-9][0-9.,]*( ?\S{1,3})?|-|")
"""A number, with a unit behind it or not; a cell without one may hold nothing or a dash."""


class _Block(NamedTuple):
    """A part of the page; `header`, `rows` and `numbers` (which columns are) are a table's."""

    kind: str
    text: str
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    numbers: tuple[bool, ...] = ()
    svg: str = ""


class Page:
    """A self-contained HTML page, readable on a phone, light or dark as the reader's system is.

    Every text is escaped; what is added stands in the order it was added in.

    Args:
        title: the page's heading.

    >>> page = Page("Audit of <b>one</b> day")
    >>> page.text("Nothing was shown.")
    >>> "<h1>Audit of &lt;b&gt;one&lt;/b&gt; day</h1>" in page.html()
    True
    """

    def __init__(self, title: str) -> None:
        self.title = printable(title)
        self._blocks: list[_Block] = []

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._blocks.append(_Block("heading", printable(text)))

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self._blocks.append(_Block("text", printable(text)))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str) -> None:
        """Add a table.

        Args:
            header: names of the columns.
            rows: texts, as many as there are columns; the first names the row.
            caption: what the table shows.
        """
        texts = tuple(tuple(printable(cell) for cell in row) for row in rows)
        numbers = tuple(
            bool(texts) and all(_NUMBER.fullmatch(cell) for cell in column) for column in zip(*texts, strict=True)
        ) or (False,) * len(header)
        if len(numbers) != len(header):
            raise ValueError("a row needs a cell for each column")
        self._blocks.append(_Block("table", printable(caption), tuple(map(printable, header)), texts, numbers))

    def figure(self, svg: str, *, caption: str) -> None:
        """Add a plot of `streams.pages.plots`; its SVG is the one thing that is not escaped."""
        self._blocks.append(_Block("figure", printable(caption), svg=svg))

    def html(self) -> str:
        """Write the page."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup

        environment = Environment(
            autoescape=True,
            loader=FileSystemLoader(Path(__file__).parent),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["drawn"] = Markup
        return environment.get_template("page.html").render(title=self.title, blocks=self._blocks)
