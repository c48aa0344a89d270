"""Laws of words: what no product, however it is written, can put into them."""

import re
from time import perf_counter
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.plain_text import plain
from models.wording import MAX_DEPARTMENT, department
from schemas.products import Product

any_text = st.text(st.characters(exclude_categories=[]), max_size=300)
tricky = st.lists(
    st.sampled_from(
        ["://", "http", "www.", "@", "a", ".", "com", " ", "\n", "\u202e", "\u200b", "\uff20", "mailto:", "/", "é"]
    ),
    max_size=30,
).map("".join)


@given(text=any_text | tricky, limit=st.integers(0, 200))
@example(text="www\u200b.a.example", limit=99)
@example(text="a\u200b@b @@c", limit=99)
def test_any_text_becomes_one_plain_line(text: str, limit: int) -> None:
    """Bounded, nothing unseen, no URL, no e-mail address, and the same when it is done again."""
    line = plain(text, limit)
    assert len(line) <= limit
    assert not any(category(character).startswith(("C", "Zl", "Zp")) for character in line)
    assert line == " ".join(line.split())
    assert "://" not in line
    assert not re.search(r"(?i)\bwww\.|\bmailto:|\S@\S", line)


@given(shelves=st.lists((any_text | tricky).filter(lambda text: len(text) <= 128), max_size=3))
def test_a_department_fits_into_a_key(shelves: list[str]) -> None:
    """Letters, digits and hyphens of any script, lower case, short."""
    name = department(Product.model_construct(product_id="1", title="x", category=tuple(shelves)))
    assert len(name) <= MAX_DEPARTMENT
    assert re.fullmatch(r"[^\W_]+(-[^\W_]+)*|", name)


@pytest.mark.parametrize("part", ["a", "a.", "www", "://", "a@", "a-", " ", "\u200b", "A.com", "a+"])
def test_no_text_takes_long(part: str) -> None:
    """A megabyte of what makes patterns look back is read in a blink."""
    started = perf_counter()
    plain(part * 1_000_000, 100)
    assert perf_counter() - started < 1
