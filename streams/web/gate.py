"""Who may connect: so many in all, and of one client a tenth of them."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Collection

SHARE_OF_ONE = 10


class Gate:
    """Count open connections.

    Args:
        most: at the same time; of one client a tenth.
        trusted: addresses that many clients come through, such as a proxy's: only the whole bounds them.
    """

    def __init__(self, most: int, trusted: Collection[str] = ()) -> None:
        self._most = most
        self._of_one = max(1, most // SHARE_OF_ONE)
        self._trusted = frozenset(trusted)
        self._open: Counter[str] = Counter()
        self.total = 0

    def enter(self, client: str) -> bool:
        """Let a client in; False where it, or the whole, has too many."""
        if self.total >= self._most or (client not in self._trusted and self._open[client] >= self._of_one):
            return False
        self.total += 1
        self._open[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Count one that was let in as gone."""
        self.total -= 1
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]


class Anonymous:
    """Names for addresses that mean nothing outside this process, and nothing after it: addresses are not kept."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)

    def __call__(self, address: str) -> str:
        """Name an address.

        >>> name = Anonymous()
        >>> name("192.0.2.1") == name("192.0.2.1"), name("192.0.2.1") == Anonymous()("192.0.2.1")
        (True, False)
        """
        return hashlib.blake2b(address.encode(), key=self._salt, digest_size=8).hexdigest()
