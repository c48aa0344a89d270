"""How many events a browser may send, and an address: whoever has no cookie yet is their address."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from streams.web.buckets import Buckets, retry_after
from streams.web.gate import Anonymous

BURST = 10
OF_ADDRESS = 10
"""So many browsers may share an address and all send as much as one may; cookies cost nothing."""


class EventRates:
    """Buckets of events.

    Args:
        per_s: of one browser in the long run; of one address ten times as many.
    """

    def __init__(self, per_s: float) -> None:
        self._browsers = Buckets(per_s=per_s, burst=BURST * per_s)
        self._addresses = Buckets(per_s=OF_ADDRESS * per_s, burst=OF_ADDRESS * BURST * per_s)
        self._name = Anonymous()

    def take(self, request: Request, visitor_id: str | None, events: int) -> None:
        """Count a batch.

        Args:
            request: whose address counts, too.
            visitor_id: whom its cookie names; None for nobody.
            events: in the batch; none at all is counted as one.

        Raises:
            HTTPException: 429, it is too much; nothing of it is to be taken.
        """
        address = self._name(request.client.host if request.client else "")
        amount = max(1, events)
        wait_s = self._browsers.take(visitor_id or f"@{address}", amount) or self._addresses.take(address, amount)
        if wait_s:
            raise HTTPException(429, "too many events: wait a little", {"retry-after": retry_after(wait_s)})
