"""Who a browser is: an id that nobody can guess, in a cookie that nobody can make."""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from itsdangerous import BadSignature, URLSafeSerializer

NAME = "aisle_visitor"
ID_BYTES = 16
"""128 random bits."""

LENGTH = 23
"""Characters of an id: a letter, and 16 bytes in base64."""

SALT = "aisle.visitor"


class Visitor(NamedTuple):
    """Whom a cookie names; `stale` says that an older secret signed it, so that it is to be set anew."""

    visitor_id: str
    stale: bool = False


class VisitorCookies:
    """Sign and read the cookie's value.

    Args:
        secrets: newest first; the newest signs, all are known.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._signers = [_signer(secret) for secret in secrets]

    def read(self, value: str | None) -> Visitor | None:
        """Give who it is; None for no cookie, and for one that was not made here."""
        if not value:
            return None
        for place, signer in enumerate(self._signers):
            try:
                visitor_id = signer.loads(value)
            except BadSignature:
                continue
            return Visitor(visitor_id, stale=place > 0) if isinstance(visitor_id, str) else None
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


def _signer(secret: str) -> URLSafeSerializer:
    from hashlib import sha256

    return URLSafeSerializer(secret, salt=SALT, signer_kwargs={"key_derivation": "hmac", "digest_method": sha256})
