"""What a language model may read of a product: a few bounded lines of plain text, never an id."""

import re
from hashlib import blake2b
from typing import Final, NamedTuple

from models.catalogue import leaf_of, price_band
from models.plain_text import plain
from schemas.products import Product

MAX_TITLE, MAX_CATEGORY, MAX_BRAND, MAX_ABOUT = 120, 120, 40, 160
"""Characters of each text."""

MAX_ATTRIBUTES = 4
MAX_ATTRIBUTE_CHARS = 40
MAX_DEPARTMENT = 32

AUDIENCE: Final = ("audience", "age_group", "gender")
"""Attributes that say for whom a product is; the last two are Google Merchant's."""

_KIDS: Final = (
    "kid", "kids", "child", "children", "childrens", "baby", "babies", "boy", "boys", "girl", "girls", "newborn",
    "newborns", "infant", "infants", "toddler", "toddlers", "kinder", "babys", "jungen", "mädchen",
)  # fmt: skip
_WOMEN: Final = ("women", "woman", "womens", "ladies", "damen")
_MEN: Final = ("men", "man", "mens", "gentlemen", "herren")

_AGE: Final = {**dict.fromkeys(_KIDS, "kids"), **dict.fromkeys((*_WOMEN, *_MEN, "adult", "adults"), "adults")}
_SEX: Final = {
    **dict.fromkeys((*_WOMEN, "female"), "women"), **dict.fromkeys((*_MEN, "male"), "men"), "unisex": "adults",
}  # fmt: skip
"""Male and female say nothing of the age: a feed calls girls' dresses female."""

_STEMS: Final = ("kinder", "baby", "damen", "herren")
"""What German puts in front of what is sold: Damenmode."""

_FILLERS: Final = frozenset({"s", "and", "for", "the", "und", "für"})


class Worded(NamedTuple):
    """A product in words, every text plain and bounded, "" where nothing is known.

    `for_whom` is `kids`, `women`, `men` or `adults`; `price_band` as `models.catalogue.price_band`; `text_hash` names
    all texts but the price band.
    """

    title: str
    category: str
    for_whom: str
    brand: str
    about: str
    price_band: str
    text_hash: str


def word(product: Product) -> Worded | None:
    """Put a product into words; None for restricted ones, which no prompt may name.

    >>> worded = word(Product(product_id="1", title="Mug", category=("Home", "Mugs"), price=12, brand="Ott"))
    >>> worded.title, worded.category, worded.brand, worded.price_band, worded.text_hash
    ('Mug', 'Home > Mugs', 'Ott', '10-20', '7a982d2291950db0')
    """
    if product.restricted:
        return None
    texts = (
        plain(product.title, MAX_TITLE),
        plain(leaf_of(product), MAX_CATEGORY),
        for_whom(product),
        plain(product.brand or "", MAX_BRAND),
        plain(_about(product), MAX_ABOUT),
    )
    text_hash = blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()
    price = product.price if product.sale_price is None else product.sale_price
    return Worded(*texts, price_band=price_band(price), text_hash=text_hash)


def _about(product: Product) -> str:
    """Give the first few short attributes, by name, then the description."""
    attributes = [
        f"{name}: {value}"
        for name, value in sorted(product.attributes.items())
        if name not in AUDIENCE and isinstance(value, str) and 0 < len(value) <= MAX_ATTRIBUTE_CHARS
    ]
    return ". ".join(part for part in (", ".join(attributes[:MAX_ATTRIBUTES]), product.description) if part)


def for_whom(product: Product) -> str:
    """Say for whom a product is: `kids`, `women`, `men`, `adults`, or "" where nothing tells, or all are named.

    Its attributes come first, then the first shelf of its category path that names somebody.

    >>> for_whom(Product(product_id="1", title="Anorak", category=("Kids", "Outdoor"), attributes={"gender": "female"}))
    'kids'
    """
    told = _words(" ".join(str(product.attributes.get(name, "")) for name in AUDIENCE))
    shelf = next((words for each in product.category if (words := _words(each)) & _AGE.keys()), set())
    ages = _meanings(told, _AGE) or _meanings(shelf, _AGE)
    sexes = _meanings(told, _SEX) or _meanings(shelf, _SEX)
    if len(ages) > 1 or ages == {"kids"}:
        return "kids" if len(ages) == 1 else ""
    if len(sexes) == 1:
        return sexes.pop()
    return "adults" if ages or sexes else ""


def department(product: Product) -> str:
    """Name the first shelf of a category path that is more than an audience, as a word for keys; "" without one.

    Lower-case letters and digits of any script, everything else is a hyphen.

    >>> department(Product(product_id="1", title="Anorak", category=("Kids", "Outdoor & Camping", "Anoraks")))
    'outdoor-camping'
    """
    audience = {*_AGE, *_SEX, *_FILLERS}
    for shelf in product.category:
        name = re.sub(r"[\W_]+", "-", plain(shelf, MAX_CATEGORY).lower()).strip("-")[:MAX_DEPARTMENT].rstrip("-")
        if name and not audience.issuperset(name.split("-")):
            return name
    return ""


def _words(text: str) -> set[str]:
    """Split into lower-case words; of a German compound, what it begins with."""
    words = re.findall(r"\w+", text.lower())
    return {next((stem for stem in _STEMS if word.startswith(stem)), word) for word in words}


def _meanings(words: set[str], table: dict[str, str]) -> set[str]:
    return {table[word] for word in words if word in table}
