"""Search words against titles."""

from models.words import TitleIndex, words_of


def test_rare_words_count_more_and_ties_go_by_id() -> None:
    """A word that few titles have decides; equal matches are ordered by product id."""
    index = TitleIndex()
    for n, title in enumerate(["red mug", "red hat", "red tent", "blue tent"]):
        index.put(f"p{n}", title)
    assert [product for product, _ in index.match("red tent", limit=4)] == ["p2", "p3", "p0", "p1"]


def test_a_changed_title_is_found_by_its_new_words_only() -> None:
    """Replacing and removing leave nothing behind."""
    index = TitleIndex()
    index.put("p", "green boots")
    index.put("p", "yellow boots")
    assert index.match("green", limit=5) == []
    assert [product for product, _ in index.match("Yellow BOOT", limit=5)] == ["p"]
    index.remove("p")
    index.remove("p")
    assert index.match("yellow boots", limit=5) == []


def test_text_of_any_script_is_split() -> None:
    """Arabic, accents and emoji do not trip it."""
    assert words_of("حذاء جبلي 🥾 Crème") == ["حذاء", "جبلي", "crème"]
    assert words_of("🥾") == []
