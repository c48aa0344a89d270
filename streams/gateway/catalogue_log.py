"""The catalogue as the gateway has it, and which products can or can no longer be bought since."""

from collections.abc import Callable
from datetime import UTC, datetime
from heapq import heappop, heappush

from models.catalogue import Catalogue
from schemas.products import Product
from streams.gateway.delivery import purchasable


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


class LiveCatalogue:
    """What `ProductsFold` builds here: a catalogue that notes whose availability changed.

    Attributes:
        catalogue: as it is now.
        version: counts its changes.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self.catalogue = Catalogue()
        self.version = 0
        self._now = now
        self._changed: set[str] = set()
        self._starts: list[tuple[datetime, str]] = []
        self._awaited: dict[str, datetime] = {}

    def put_product(self, product: Product, *, arrived_ms: int = 0) -> None:
        """Take a product's newest record."""
        product_id, at = product.product_id, self._now()
        before = purchasable(self.catalogue, product_id, at=at)
        self.catalogue.put(product, arrived_ms=arrived_ms)
        self.version += 1
        self._await(product, at)
        if purchasable(self.catalogue, product_id, at=at) != before:
            self._changed.add(product_id)

    def remove_product(self, product_id: str) -> None:
        """Forget a product that is gone."""
        if purchasable(self.catalogue, product_id, at=self._now()):
            self._changed.add(product_id)
        self.catalogue.remove(product_id)
        self.version += 1

    def _await(self, product: Product, at: datetime) -> None:
        """Note the day a product goes on sale: once, however often its record is written until then."""
        starts = product.available_from
        if starts is not None and starts > at and self._awaited.get(product.product_id) != starts:
            self._awaited[product.product_id] = starts
            heappush(self._starts, (starts, product.product_id))

    def known(self, product_id: str | None) -> bool:
        """Tell whether there is such a product."""
        return product_id is not None and product_id in self.catalogue

    def purchasable(self, product_id: str) -> bool:
        """Tell whether a product can be bought now, somewhere."""
        return purchasable(self.catalogue, product_id, at=self._now())

    def changed(self) -> frozenset[str]:
        """Give whose availability changed since the last call, also by the day they go on sale having come."""
        at = self._now()
        while self._starts and self._starts[0][0] <= at:
            starts, product_id = heappop(self._starts)
            if self._awaited.get(product_id) == starts:
                del self._awaited[product_id]
            self._changed.add(product_id)
            self.version += 1
        changed, self._changed = frozenset(self._changed), set()
        return changed
