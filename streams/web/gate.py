"""Who may connect: so many in all, and of one client a tenth of them."""

import hashlib
import ipaddress
import secrets
from collections import Counter
from collections.abc import Collection

SHARE_OF_ONE = 10


def network_of(address: str) -> str:
    """Give what one client has of addresses: of the sixth version a whole network, of which it may use any.

    >>> network_of("2001:db8::1:2:3:4"), network_of("::ffff:192.0.2.1"), network_of("192.0.2.1"), network_of("")
    ('2001:db8::/64', '192.0.2.1', '192.0.2.1', '')
    """
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))


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
        network = network_of(client)
        if self.total >= self._most or (client not in self._trusted and self._open[network] >= self._of_one):
            return False
        self.total += 1
        self._open[network] += 1
        return True

    def leave(self, client: str) -> None:
        """Count one that was let in as gone."""
        network = network_of(client)
        self.total -= 1
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]


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
        return hashlib.blake2b(network_of(address).encode(), key=self._salt, digest_size=8).hexdigest()
