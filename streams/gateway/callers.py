"""Who asks, and for which shelf."""

from collections.abc import Sequence
from typing import NoReturn

from fastapi import HTTPException, Request
from pydantic import TypeAdapter, ValidationError

from models.placements import OF_CAMPAIGNS, PLACEMENTS
from schemas.record import MAX_ID_CHARS, Id
from streams.gateway.held_slate import ShelfKey
from streams.gateway.origins import Origins
from streams.gateway.page_address import kept_address
from streams.gateway.visitor_cookie import NAME, VisitorCookies
from streams.settings import Settings
from streams.web.keys import KeyRing, bearer
from streams.web_settings import listed

ON_PAGES = tuple(placement.name for placement in PLACEMENTS if placement not in OF_CAMPAIGNS)
"""Placements that pages have; campaigns' go by other ways."""

VARY = "Cookie, Origin"
MAX_ANCHOR = 2048
_ID = TypeAdapter[str](Id)
MAX_SHELVES = 50


class Callers:
    """Tells who asks.

    Args:
        cookies: of browsers.
        keys: of servers.
        settings: whose pages may read the answers, and what of a page's address counts.
    """

    def __init__(self, cookies: VisitorCookies, keys: KeyRing, settings: Settings) -> None:
        self.cookies = cookies
        self._keys = keys
        self._origins = Origins(listed(settings.gateway_origins))
        self._search_param = settings.gateway_search_param

    def visitor_of(self, request: Request) -> str | None:
        """Give whose browser asks; None for nobody that is known."""
        visitor = self.cookies.read(request.cookies.get(NAME))
        return None if visitor is None else visitor.visitor_id

    def headers(self, request: Request) -> dict[str, str]:
        """Give what lets a page of a named origin read the answer."""
        return self._origins.headers(request) | {"vary": VARY}

    def anchor(self, placement: str, anchor: str | None) -> str | None:
        """Give an anchor as events have it: of a page's address only what the collector lets in."""
        if placement != "category" or anchor is None:
            return anchor
        return kept_address(anchor, search_param=self._search_param)

    def shelves(self, texts: Sequence[str]) -> tuple[ShelfKey, ...]:
        """Read which shelves a page has; raises as `shelves_of`."""
        return tuple((placement, self.anchor(placement, anchor)) for placement, anchor in shelves_of(texts))

    def check_server(self, request: Request) -> None:
        """Let a shop's own server pass.

        Raises:
            HTTPException: 401 without a key that is known, 403 with one that is for something else.
        """
        key = bearer(request.headers.get("authorization", ""))
        holder = None if key is None else self._keys.holder(key)
        if holder is None:
            raise HTTPException(401, "A server's API key is needed here.", {"WWW-Authenticate": "Bearer"})
        if holder.role != "server":
            raise HTTPException(403, f"The key is of role {holder.role}; this is for servers.")


def known_placement(name: str) -> str:
    """Give a placement's name.

    Raises:
        HTTPException: 404, there is none.
    """
    if name not in ON_PAGES:
        raise HTTPException(404, f"There is no such placement: the names are {', '.join(ON_PAGES)}.")
    return name


def shelves_of(texts: Sequence[str]) -> tuple[ShelfKey, ...]:
    """Read which shelves a page has: a placement each, and after a colon its anchor.

    Raises:
        HTTPException: 404 for an unknown placement, 422 for what is none.

    >>> shelves_of(["home", "product:p1", "category:/mugs?a:b"])
    (('home', None), ('product', 'p1'), ('category', '/mugs?a:b'))
    """
    if len(texts) > MAX_SHELVES:
        _refuse(f"A page has at most {MAX_SHELVES} shelves.")
    return tuple(map(_shelf, texts))


def checked_id(text: str) -> str:
    """Give a visitor's id as it stands in a path.

    Raises:
        HTTPException: 422, it is none.
    """
    try:
        return _ID.validate_python(text)
    except ValidationError:
        _refuse(f"A visitor's id has 1 to {MAX_ID_CHARS} characters, none of them a control character.")


def _shelf(text: str) -> ShelfKey:
    placement, colon, anchor = text.partition(":")
    if colon and not 0 < len(anchor) <= MAX_ANCHOR:
        _refuse(f"A shelf is a placement, or a placement, a colon and an anchor of at most {MAX_ANCHOR} characters.")
    return known_placement(placement), anchor or None


def _refuse(why: str) -> NoReturn:
    raise HTTPException(422, why)
