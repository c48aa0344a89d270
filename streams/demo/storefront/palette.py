"""The colours a picture is made of."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from models.words import words_of

Chosen = TypeVar("Chosen")

NAMED = {
    "forest green": "#3f6b4f", "sky blue": "#7fb2d6", "terracotta": "#c8704d", "burgundy": "#7d2f42",
    "charcoal": "#4a4d54", "mustard": "#d9a532", "black": "#33343a", "navy": "#2f4468", "sand": "#d3b98c",
    "rust": "#b4532f", "cream": "#f1e3c4", "slate": "#6b7b8c", "olive": "#7f8146", "blush": "#e3a9a1",
    "white": "#f7f5f0", "teal": "#2f8585", "green": "#4f8a5b", "blue": "#4673b0", "red": "#c04a41",
    "grey": "#8b8f96", "brown": "#80583c", "pink": "#d98aa3", "yellow": "#e2bd45", "orange": "#d98243",
    "purple": "#77588f", "beige": "#dac9a6",
}  # fmt: skip
"""Longer names first: "forest green" is not any green."""

MAINS = ("#c8704d", "#3f6b4f", "#2f4468", "#d9a532", "#7d2f42", "#2f8585", "#6b7b8c", "#b4532f")
"""For products that name no colour."""

POPS = ("#e8604c", "#f2b441", "#3d8f8a", "#d5688a", "#5a7fc0")
BACKDROPS = (
    "#f3e6d6",
    "#e3ebe0",
    "#e2e9f1",
    "#f4e1dc",
    "#ece6f0",
    "#f5edcf",
    "#dfecea",
    "#b9cbbf",
    "#b7c5d6",
    "#dcb9a8",
)
INK, PAPER = "#2b2a33", "#fdfbf6"
FARTHEST = 5
"""How many backdrops are in question: those that a product stands out from best."""


class Palette(NamedTuple):
    """Colours by their part in a picture."""

    main: str
    dark: str
    light: str
    pop: str
    backdrop: str
    shade: str
    ink: str = INK
    paper: str = PAPER


def palette_of(text: str, key: str) -> Palette:
    """Choose colours.

    Args:
        text: what names the product's colour, if anything does.
        key: draws what the text leaves open; the same key always draws the same.

    >>> palette_of("Mug, navy", "p1").main
    '#2f4468'
    """
    main = named(text) or drawn(MAINS, key, "main")
    backdrop = drawn(_farthest(main, BACKDROPS, FARTHEST), key, "backdrop")
    pop = drawn(_farthest(main, POPS, 3), key, "pop")
    return Palette(main, mixed(main, INK, 0.28), mixed(main, PAPER, 0.42), pop, backdrop, mixed(backdrop, INK, 0.09))


def named(text: str) -> str | None:
    """Find the colour a text names."""
    words = f" {' '.join(words_of(text))} "
    return next((code for name, code in NAMED.items() if f" {name} " in words), None)


def drawn(choices: Sequence[Chosen], key: str, part: str) -> Chosen:
    """Draw one of several by a key alone."""
    return choices[int.from_bytes(blake2b(f"{part} {key}".encode(), digest_size=4).digest()) % len(choices)]


def mixed(one: str, other: str, share: float) -> str:
    """Mix two colours.

    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    return "#" + "".join(
        f"{round(a + (b - a) * share):02x}" for a, b in zip(_channels(one), _channels(other), strict=True)
    )


def _channels(code: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(code[1:]))


def _farthest(colour: str, others: Sequence[str], count: int) -> list[str]:
    """Give the colours that differ most from one, by the sum of red, green and blue."""
    return sorted(others, key=lambda other: -_distance(colour, other))[:count]


def _distance(one: str, other: str) -> int:
    return sum(abs(a - b) for a, b in zip(_channels(one), _channels(other), strict=True))
