"""Text of records on a page: what an HTML or SVG file may not hold is made visible."""


def printable(text: str, most: int | None = None) -> str:
    r"""Replace what cannot be printed, and shorten what is too long; escaping is the writer's.

    Args:
        text: any text, such as a product's title; each white space becomes a blank.
        most: characters it may have, at least 1; None for any number.

    >>> printable("Kettle\n <b>", 8)
    'Kettle …'
    """
    clean = "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if most is None or len(clean) <= most else clean[: most - 1] + "…"
