"""How a visitor is named where nobody has asked who it is."""

import hashlib
import hmac
import secrets

KEPT = 4
"""Characters of an id that are shown: enough to tell a few visitors apart, and nobody from all others."""

DOTS = "…"


def shortened(visitor_id: str) -> str:
    """Show the beginning of an id.

    >>> shortened("w8Qz-1kPzz0")
    'w8Qz…'
    >>> shortened("v12")
    'v…'
    """
    return visitor_id[: min(KEPT, len(visitor_id) // 2)] + DOTS


def fingerprint(visitor_id: str) -> str:
    """Hash an id for the audit log: who knows the id finds its entries, who has the log does not find the id."""
    return hashlib.sha256(visitor_id.encode()).hexdigest()[:32]


class Handles:
    """Names of visitors for this process's pages: from one nothing of the id can be found out."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def of(self, visitor_id: str) -> str:
        """Name a visitor."""
        return hmac.new(self._secret, visitor_id.encode(), hashlib.sha256).hexdigest()[:24]
