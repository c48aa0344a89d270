"""Who an operator is: a key for a cookie that lasts an hour, and is renewed for eight at most."""

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from itsdangerous import BadSignature

from streams.web.keys import Holder, KeyRing, hashed
from streams.web.signing import signer

COOKIE = "aisle_console"
LASTS_S = 3600
RENEWED_S = 8 * 3600
RENEW_AFTER_S = 300
MOST_ENDED = 10_000

OPEN = Holder("open", "operate")
"""Who comes in where the console is open."""


class Session(NamedTuple):
    """An operator who is logged in, and whether the cookie is old enough to be set anew."""

    holder: Holder
    number: str = ""
    digest: str = ""
    since_s: int = 0
    stale: bool = False


class Operators:
    """Exchange keys for cookies, and read them.

    A cookie is worth nothing once its key is out of the file.

    Args:
        keys: those of operators have the roles `view` and `operate`.
        everybody: let anybody in.
        clock: seconds since 1970.
    """

    def __init__(self, keys: KeyRing, *, everybody: bool = False, clock: Callable[[], float] = time.time) -> None:
        self._keys, self._everybody, self._clock = keys, everybody, clock
        self._signer = _Signer(clock)
        self._ended: dict[str, float] = {}

    @property
    def open(self) -> bool:
        """Tell whether anybody may come in."""
        return self._everybody

    def login(self, key: str) -> tuple[Holder, str] | None:
        """Give who holds a key, and their cookie; None for a key that is nobody's or a server's."""
        holder = self._keys.holder(key)
        if holder is None or holder.role == "server":
            return None
        session = Session(holder, secrets.token_urlsafe(12), hashed(key), int(self._clock()))
        return holder, self.cookie(session)

    def cookie(self, session: Session) -> str:
        """Write a session's cookie, good for an hour from now."""
        return self._signer.write([session.number, session.digest, session.since_s])

    def read(self, value: str | None) -> Session | None:
        """Give who is logged in; None for nobody."""
        if self._everybody:
            return Session(OPEN)
        if not value or (found := self._signer.read(value)) is None:
            return None
        (number, digest, since_s), age_s = found
        holder = self._keys.holder_of(digest)
        over = number in self._ended or self._clock() - since_s > RENEWED_S
        if holder is None or holder.role == "server" or over:
            return None
        return Session(holder, number, digest, since_s, stale=age_s > RENEW_AFTER_S)

    def logout(self, session: Session) -> None:
        """End a session, whoever still has its cookie."""
        now_s = self._clock()
        if len(self._ended) >= MOST_ENDED:
            self._ended = {number: until for number, until in self._ended.items() if until > now_s}
        self._ended[session.number] = now_s + RENEWED_S


class _Signer:
    """Signs with a secret of this process: a restart logs everybody out."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._serializer = signer(secrets.token_urlsafe(32), salt="aisle.console", clock=clock)

    def write(self, value: list[str | int]) -> str:
        signed: str = self._serializer.dumps(value)
        return signed

    def read(self, signed: str) -> tuple[tuple[str, str, int], float] | None:
        try:
            value, at = self._serializer.loads(signed, max_age=LASTS_S, return_timestamp=True)
        except BadSignature:
            return None
        number, digest, since_s = value
        return (number, digest, since_s), self._clock() - at.timestamp()
