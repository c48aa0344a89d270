"""The generated pages of the documentation are those of the code."""

import pytest

from streams.reference import DOCS, pages


@pytest.mark.parametrize("name", pages())
def test_the_page_is_what_the_code_says(name: str) -> None:
    """Run `python -m streams.reference` after changing a setting or a metric."""
    assert (DOCS / name).read_text() == pages()[name]
