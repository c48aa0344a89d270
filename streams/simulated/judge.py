"""How the simulated judge scores: by a product's category, audience and price band alone, never by what its text says.

A product of the intent's department has 5 points, one for the right people 3, one in the right price band 1; the rest,
less than 1, is a fixed whim per title, so that scores are not all the same.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

ADULTS = frozenset({"adults", "women", "men"})
KIDS = frozenset({"kids", "children", "girls", "boys", "baby"})
ANY = frozenset({"", "any", "all"})

PRICES = {"low": 15.0, "mid": 60.0, "high": 200.0}
"""What the bands of an intent cost, about."""

FAR = math.log(10)
"""A price ten times as high or low is not near at all."""


class Intent(NamedTuple):
    """What a visitor is after: `outdoor/kids.low.comparing`; "any" or nothing where that is not known."""

    department: str
    whom: str = "any"
    price: str = "any"


class Score(NamedTuple):
    """What product number `n` of a prompt is worth to the visitor, 0..10."""

    n: int
    score: float


def judge(user: str) -> list[Score]:
    """Score every product that a user message asks about.

    Args:
        user: the message; from its first `{` on JSON with `intent` and `products`, each with its `n`.

    Returns:
        A score each, one decimal, in the order of the products; none where the message asks about no products.
    """
    asked = question(user)
    products = asked.get("products")
    intent = read_intent(asked.get("intent"))
    return [
        Score(_number(product.get("n"), place), score(product, intent))
        for place, product in enumerate(products if isinstance(products, list) else [], start=1)
        if isinstance(product, Mapping)
    ]


def question(user: str) -> Mapping[str, Any]:
    """Read the JSON object that begins at a message's first brace; empty where there is none."""
    begin = user.find("{")
    if begin < 0:
        return {}
    try:
        found = json.JSONDecoder().raw_decode(user, begin)[0]
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read_intent(value: object) -> Intent:
    """Read an intent: its key, an object with the key, or an object with the parts of the key.

    >>> read_intent({"key": "outdoor/kids.low.comparing"})
    Intent(department='outdoor', whom='kids', price='low')
    >>> read_intent("outdoor/kids")
    Intent(department='outdoor', whom='kids', price='any')
    """
    if isinstance(value, Mapping):
        parts = [str(value.get(name) or "any") for name in ("department", "for", "price")]
        value = value.get("key") or f"{parts[0]}/{parts[1]}.{parts[2]}"
    department, _, rest = str(value or "any").lower().partition("/")
    whom, _, rest = rest.partition(".")
    return Intent(department.strip(), whom.strip() or "any", rest.partition(".")[0].strip() or "any")


def score(product: Mapping[str, Any], intent: Intent) -> float:
    """Score one product.

    >>> jacket = {"title": "Rain Jacket", "category": "Outdoor > Rain jackets", "price": "50-100"}
    >>> [score(jacket | {"for": whom}, Intent("outdoor", "kids")) for whom in ("kids", "adults")]
    [9.2, 6.2]
    """
    shelf = _words(product.get("category"))
    points = 5 * _department(shelf, intent.department)
    points += 3 * _audience(str(product.get("for") or "").lower() or _hung(shelf), intent.whom)
    points += _price(str(product.get("price") or ""), intent.price)
    return round(points + crc32(str(product.get("title")).encode(errors="replace")) % 90 / 100, 1)


def _number(value: object, place: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else place


def _words(value: object) -> frozenset[str]:
    """Split a category, as text or as a path, into its words."""
    path = value if isinstance(value, list) else [value or ""]
    return frozenset(re.findall(r"\w+", " ".join(map(str, path)).lower()))


def _department(shelf: frozenset[str], wanted: str) -> float:
    return 0.5 if wanted in ANY else float(_words(wanted) <= shelf)


def _hung(shelf: frozenset[str]) -> str:
    """Say for whom things on a shelf are, where the product does not."""
    return next((whom for whom in ("kids", "women", "men") if whom in shelf), "")


def _audience(whom: str, wanted: str) -> float:
    if wanted in ANY or whom in ANY:
        return 0.5
    if whom == wanted or {whom, wanted} <= KIDS:
        return 1.0
    return 0.8 if "adults" in {whom, wanted} and {whom, wanted} <= ADULTS else 0.0


def _price(band: str, wanted: str) -> float:
    """Say how near two prices are, 0..1."""
    paid, meant = _middle(band), PRICES.get(wanted) or _middle(wanted)
    if paid is None or meant is None:
        return 0.5
    return max(0.0, 1 - abs(math.log(paid / meant)) / FAR)


def _middle(band: str) -> float | None:
    """Give the middle of a price band, on the scale people compare prices on.

    >>> _middle("20-50"), _middle("0-1"), _middle("any")
    (31.62277660168379, 0.5, None)
    """
    ends = [max(float(end), 0.25) for end in re.findall(r"\d+(?:\.\d+)?", band)[:2]]
    return math.exp(sum(map(math.log, ends)) / len(ends)) if ends else None
