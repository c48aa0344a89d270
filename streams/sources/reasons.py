"""Why lines are refused, in words that say what to mend."""

from collections.abc import Iterator, Mapping

MEANINGS = {
    "time": "neither ISO 8601 nor seconds or milliseconds since 1970, or before the year 2000",
    "price": "no number from 0 to a billion, with a dot",
    "quantity": "no whole number up to a million",
    "kind": "no word for a kind of event that is known",
    "product_id": "the item's id is empty, longer than 128 characters, or has control characters",
    "visitor_id": "neither user nor session, or one longer than 128 characters or with control characters",
    "user_id": "longer than 128 characters, or with control characters",
    "currency": "no three letters",
    "unreadable": "a quote that is not closed, or a field that is too long",
}
"""Of the reasons that do not speak for themselves."""


def explained(refused: Mapping[str, int]) -> Iterator[str]:
    """Say how many lines were refused for what, the commonest reason first.

    >>> list(explained({"line too long": 1, "quantity": 2000}))
    ['2,000 lines refused: quantity (no whole number up to a million).', '1 line refused: line too long.']
    """
    for reason, count in sorted(refused.items(), key=lambda one: -one[1]):
        yield f"{count:,} {'line' if count == 1 else 'lines'} refused: {_told(reason)}."


def nothing_in(path: object, refused: Mapping[str, int]) -> str:
    """Say why a file gives no event at all."""
    why = " ".join(explained(refused)) or "It has no lines but its header."
    return f"{path} holds no event that can be read. {why} docs/evaluation.md says what is read how."


def _told(reason: str) -> str:
    return f"{reason} ({MEANINGS[reason]})" if reason in MEANINGS else reason
