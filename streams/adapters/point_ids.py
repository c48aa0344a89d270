"""Qdrant's ids are numbers or UUIDs, products' ids are any text: a stable number for each."""

from collections.abc import Iterable
from hashlib import blake2b


def point_id(product_id: str) -> int:
    """Hash a product id to 64 bits, the same in every process; among a million products two meet once in 10^7 shops.

    >>> point_id("mug-1")
    5721877784632117573
    """
    return int.from_bytes(blake2b(product_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class PointIds:
    """Which product each point stands for: indexes return ids only, names stay here."""

    def __init__(self) -> None:
        self._products: dict[int, str] = {}

    def add(self, product_ids: Iterable[str]) -> list[int]:
        """Remember products and give their point ids."""
        points = {point_id(product_id): product_id for product_id in product_ids}
        self._products.update(points)
        return list(points)

    def drop(self, product_ids: Iterable[str]) -> list[int]:
        """Forget products and give the point ids of those that were known."""
        return [point for point in map(point_id, product_ids) if self._products.pop(point, None) is not None]

    def known(self, product_ids: Iterable[str]) -> list[int]:
        """Give the point ids of the known ones among products."""
        return [point for point in map(point_id, product_ids) if point in self._products]

    def product(self, point: object) -> str | None:
        """Give the product of a point; None for a point that somebody else put there."""
        return self._products.get(point) if isinstance(point, int) else None

    def __len__(self) -> int:
        return len(self._products)
