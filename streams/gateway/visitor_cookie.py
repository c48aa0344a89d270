"""Who a browser is: an id that nobody can guess, in a cookie that nobody can make."""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from itsdangerous import BadSignature

from streams.web.signing import signer

NAME = "aisle_visitor"
ID_BYTES = 16
"""128 random bits."""

LENGTH = 23
"""Characters of an id: a letter, and 16 bytes in base64."""

SALT = "aisle.visitor"

DAY_S = 86_400
RENEWED_AFTER_S = DAY_S
"""Who comes daily keeps the id: the cookie's days count from the last visit, and not from the first."""


class Visitor(NamedTuple):
    """Whom a cookie names; `stale` says that it is to be set anew: it is a day old, or an older secret signed it."""

    visitor_id: str
    stale: bool = False


class VisitorCookies:
    """Sign and read the cookie's value.

    Args:
        secrets: newest first; the newest signs, all are known.
        days: a cookie set longer ago names nobody, whatever a browser keeps.
        clock: seconds since 1970.
    """

    def __init__(self, secrets: Sequence[str], *, days: int = 180, clock: Callable[[], float] = time.time) -> None:
        self._signers = [signer(secret, salt=SALT, clock=clock) for secret in secrets]
        self._days = days
        self._clock = clock

    def read(self, value: str | None) -> Visitor | None:
        """Give who it is; None for no cookie, for one that was not made here, and for one that is too old."""
        if not value:
            return None
        for place, one in enumerate(self._signers):
            try:
                visitor_id, signed = one.loads(value, self._days * DAY_S, return_timestamp=True)
            except BadSignature:
                continue
            old = self._clock() - signed.timestamp() > RENEWED_AFTER_S
            return Visitor(visitor_id, stale=place > 0 or old) if isinstance(visitor_id, str) else None
        return None

    def write(self, visitor_id: str) -> str:
        """Sign an id."""
        signed: str = self._signers[0].dumps(visitor_id)
        return signed


def new_visitor_id() -> str:
    """Make an id for somebody new.

    >>> len(new_visitor_id()) == LENGTH
    True
    """
    return "w" + secrets.token_urlsafe(ID_BYTES)


def new_secret() -> str:
    """Make a secret."""
    return secrets.token_urlsafe(32)
