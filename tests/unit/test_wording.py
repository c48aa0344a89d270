"""What a language model may read of a product."""

import pytest

from models.plain_text import plain
from models.wording import MAX_ABOUT, MAX_TITLE, department, for_whom, word
from schemas.products import Product


def product(title: str = "Anorak", **fields: object) -> Product:
    """Make a product of a few fields."""
    return Product.model_validate({"product_id": "p1", "title": title, **fields})


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Red\n\tmug\x00\x1b[31m", "Red mug[31m"),
        ("kni\u200bfe \u202egnp.exe\u2066", "knife gnp.exe"),
        ("tent\u00ad \U000e0041\U000e0042\ufe0f ok\ue000\ud800", "tent ok"),
        ("\uff49\uff47\uff4e\uff4f\uff52\uff45 5 m²", "ignore 5 m2"),
        ("see HTTPS://a.example/x?mail=b@c.de now", "see now"),
        ("at www.shop.example, mailto:x@y.example or jane.doe@shop.example!", "at or"),
        ("ann\uff20shop.example \uff20 home", "@ home"),
        ("visit shop.com or shop.example/p/7 today", "visit or today"),
        ("Light.It fits. f/1.8, 3.5mm/6.3mm, Dr.Martens", "Light.It fits. f/1.8, 3.5mm/6.3mm, Dr.Martens"),
        ("防水夹克 حذاء Ä", "防水夹克 حذاء Ä"),
        ("ab  cd", "ab cd"),
    ],
)  # fmt: skip
def test_only_what_a_reader_sees_is_left(text: str, seen: str) -> None:
    """Controls, bidi overrides, zero widths, tags and addresses go; letters and figures stay."""
    assert plain(text, 200) == seen


def test_texts_are_cut_without_a_space_at_the_end() -> None:
    """Ten kilobytes are cut to their field's length."""
    worded = word(product("ab " * 170, description="x" * 8192))
    assert worded is not None
    assert (len(worded.title), len(worded.about)) == (MAX_TITLE - 1, MAX_ABOUT)
    assert plain("ab cd", 3) == "ab"


def test_a_restricted_product_has_no_words() -> None:
    """No prompt may name it; a hidden one is only not sold."""
    assert word(product(restricted=True)) is None
    assert word(product(hidden=True)) is not None


def test_the_hash_follows_the_words_and_nothing_else() -> None:
    """Stock, price and what is never read change nothing; a word does."""
    plainly = word(product(description="Dry.", price=10))
    again = word(
        product(description="Dry.", price=99, stock=3, url="https://shop.example/1", updated_at="2026-05-01T00:00Z")
    )
    other = word(product(description="Wet.", price=10))
    assert plainly is not None
    assert again is not None
    assert other is not None
    assert plainly.text_hash == again.text_hash != other.text_hash
    assert (plainly.price_band, again.price_band) == ("10-20", "50-100")
    assert len(plainly.text_hash) == 16


def test_words_that_move_between_fields_change_the_hash() -> None:
    """A brand is not a part of the title."""
    first, second = word(product("Red mug", brand="Ott")), word(product("Red mug Ott"))
    assert first is not None
    assert second is not None
    assert first.text_hash != second.text_hash


def test_about_has_the_first_short_attributes_and_the_description() -> None:
    """Not numbers, not long texts, not the audience, which has a field of its own."""
    attributes = {
        "size": "M",
        "colour": "red",
        "audience": "kids",
        "weight": 3,
        "care": "w" * 41,
        "a": "1",
        "z": "2",
        "y": "3",
    }
    worded = word(product(attributes=attributes, description="Warm."))
    assert worded is not None
    assert worded.about == "a: 1, colour: red, size: M, y: 3. Warm."
    assert worded.for_whom == "kids"


def test_the_sale_price_is_the_price() -> None:
    """As the shop shows it."""
    worded = word(product(price=60, sale_price=0))
    assert worded is not None
    assert worded.price_band == "0-1"


@pytest.mark.parametrize(
    ("category", "attributes", "whom"),
    [
        ((), {}, ""),
        (("Outdoor", "Tents"), {}, ""),
        (("Outdoor", "Rain jackets"), {"audience": "adults"}, "adults"),
        (("Kids", "Outdoor"), {}, "kids"),
        (("Kids", "Outdoor"), {"gender": "female"}, "kids"),
        (("Women", "Knitwear"), {}, "women"),
        (("Clothing", "Men's shoes"), {}, "men"),
        (("Damenmode", "Pullover"), {}, "women"),
        (("Herren", "Schuhe"), {}, "men"),
        (("Kinderschuhe",), {}, "kids"),
        (("Women & Men",), {}, "adults"),
        (("Women, Men and Kids",), {}, ""),
        (("Women", "Mother and baby"), {}, "women"),
        (("Apparel",), {"gender": "Male"}, "men"),
        (("Apparel",), {"gender": "unisex"}, "adults"),
        (("Apparel",), {"gender": "female", "age_group": "adult"}, "women"),
        (("Apparel",), {"gender": "female", "age_group": "toddler"}, "kids"),
        (("Women", "Dresses"), {"age_group": "kids"}, "kids"),
        (("Kids", "Dresses"), {"age_group": "adult"}, "adults"),
        (("Management", "Kidney beans"), {"gender": 7}, ""),
    ],
)  # fmt: skip
def test_for_whom_a_product_is(category: tuple[str, ...], attributes: dict[str, object], whom: str) -> None:
    """Its attributes, then the first shelf that names somebody."""
    assert for_whom(product(category=category, attributes=attributes)) == whom


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ((), ""),
        (("Kids", "Outdoor", "Rain jackets"), "outdoor"),
        (("Women", "Knitwear"), "knitwear"),
        (("Outdoor", "Tents"), "outdoor"),
        (("Women's", "For men & boys", "Damen und Herren"), ""),
        (("Women's clothing",), "women-s-clothing"),
        (("Kinderschuhe",), "kinderschuhe"),
        (("★ ★", "Möbel|a/b.c"), "möbel-a-b-c"),
        (("Coffee and tea and everything else",), "coffee-and-tea-and-everything-el"),
        (("https://shop.example/x", "a@b.example", "Toys"), "toys"),
    ],
)  # fmt: skip
def test_the_department_is_the_first_shelf_that_is_more_than_an_audience(category: tuple[str, ...], name: str) -> None:
    """As a word that fits into keys, whatever the shelf is called."""
    assert department(product(category=category)) == name
