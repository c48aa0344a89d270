"""What of a page's address may be kept: where it is, what was searched for, and which campaign led there."""

from urllib.parse import unquote_plus, urlsplit, urlunsplit

MOST_CHARS = 16_384
"""A longer address is dropped unread."""


def kept_address(address: str, *, search_param: str) -> str | None:
    """Cut an address down: no fragment, no user, and of the query the search and utm_* alone.

    Args:
        address: as the page has it.
        search_param: name of the query parameter that holds the words searched for.

    Returns:
        None for what has no place on the web, and for what cannot be read.

    >>> kept_address("https://me:pw@shop.example/s?q=red+shoe&email=a@b.c&utm_source=mail#top", search_param="q")
    'https://shop.example/s?q=red+shoe&utm_source=mail'
    >>> kept_address("mailto:a@b.c", search_param="q")
    """
    if len(address) > MOST_CHARS:
        return None
    try:
        scheme, netloc, path, query, _ = urlsplit(address)
    except ValueError:
        return None
    host = netloc.rpartition("@")[2]
    if not host and (scheme or path.startswith("//")):
        return None
    said = "&".join(part for part in query.split("&") if _may_stay(part, search_param)) if query else ""
    return urlunsplit((scheme, host, path, said, ""))


def _may_stay(part: str, search_param: str) -> bool:
    name, equals, _ = part.partition("=")
    known = unquote_plus(name)
    return bool(equals) and (known == search_param or known.lower().startswith("utm_"))
