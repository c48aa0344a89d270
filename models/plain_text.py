"""Text of others made fit for a prompt: only what a reader sees, on one line, without addresses, of bounded length."""

import re
from typing import Final
from unicodedata import category, normalize

MAX_READ_CHARS: Final = 2000
"""What stands further back in a text is not looked at."""

_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variation selectors: unseen, and any number of them can carry any message."""

_ADDRESS: Final = re.compile(
    r"(?i:\b[a-z][a-z0-9+.-]{0,15})?://\S*"
    r"|(?i:\b(?:www\.|mailto:)\S*)"
    r"|\b(?:[\w-]{1,63}\.){1,8}(?:[a-z]{2,24}/\S*|(?:com|net|org|COM|NET|ORG|de|ch|uk|eu|fr|nl|pl|ru|cn|io)\b\S*)"
)
"""Addresses with a scheme, with www, with a path; bare names of sites only under ends that are no words: descriptions
forget the space after a full stop."""


def plain(text: str, limit: int) -> str:
    r"""Give what a reader would see of a text, as one line.

    Control, format (bidi overrides, zero widths), surrogate, private and unassigned characters are removed, equal
    looking characters made equal (NFKC), white space collapsed, URLs and e-mail addresses taken out.

    Args:
        text: any text.
        limit: at most so many characters are given back.

    >>> plain("Tent\n\u202eblue\u200b  (see https://shop.example/p?id=7 or mail a@b.example)", 40)
    'Tent blue (see or mail'
    """
    line = text[:MAX_READ_CHARS]
    if not line.isprintable():
        line = "".join(_seen(character) for character in line)
    words = _ADDRESS.sub(" ", normalize("NFKC", _SELECTORS.sub("", line))).split()
    return " ".join(word for word in words if "@" not in word[1:-1])[:limit].rstrip()


def _seen(character: str) -> str:
    if character.isspace():
        return " "
    return "" if category(character).startswith("C") else character
