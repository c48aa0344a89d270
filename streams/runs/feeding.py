"""Hand a catalogue to the workers, never further ahead of them than the smallest broker keeps."""

from collections import deque
from collections.abc import Callable, Iterable

from schemas.products import Product
from schemas.topics import PRODUCTS
from streams.sources.importing import ORIGIN, Sink

AHEAD = 256
"""Products under way at most: their vectors lie in one partition, 0.3 MB of them at 384 numbers each, 3 MB at 4,096."""

AHEAD_BYTES = 500_000
"""The same for long descriptions."""


def feed(products: Iterable[Product], sink: Sink, applied: Callable[[], int]) -> None:
    """Send products in lock-step with the workers, and wait until they have them all.

    The embedded broker drops the oldest records of a full partition, whether or not they were read; and it gives a
    reader one write at a time, so that one who writes without looking is soon far ahead.

    Args:
        products: each once.
        sink: to the broker.
        applied: waits a little and gives how many of them every worker has, vectors included.
    """
    under_way: deque[int] = deque()
    sent = 0
    for product in products:
        value = product.encode()
        while len(under_way) >= AHEAD or sum(under_way) >= AHEAD_BYTES:
            _landed(under_way, sent - applied())
        sink.write(PRODUCTS, product.product_id.encode(), value, origin=ORIGIN)
        under_way.append(len(value))
        sent += 1
    sink.flush()
    while under_way:
        _landed(under_way, sent - applied())


def _landed(under_way: "deque[int]", left: int) -> None:
    """Take the oldest out until as many are left."""
    while len(under_way) > max(0, left):
        under_way.popleft()
