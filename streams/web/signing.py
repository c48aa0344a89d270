"""What signs cookies."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from itsdangerous import TimestampSigner, URLSafeTimedSerializer


def signer(secret: str, *, salt: str, clock: Callable[[], float]) -> URLSafeTimedSerializer:
    """Make what writes values with the time, signed, and reads them.

    Args:
        secret: whoever has it can sign, too.
        salt: what is signed for one purpose is worth nothing for another.
        clock: seconds since 1970.
    """

    class Signer(TimestampSigner):
        """Takes the time from the clock."""

        def get_timestamp(self) -> int:
            """Give the time, seconds since 1970."""
            return int(clock())

    how: dict[str, Any] = {"key_derivation": "hmac", "digest_method": sha256}
    return URLSafeTimedSerializer(secret, salt=salt, signer=Signer, signer_kwargs=how)
