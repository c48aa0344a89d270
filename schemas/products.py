"""What the shop sells: the records on `catalog.products` and `catalog.embeddings`."""

import base64
from typing import Annotated

import numpy as np
from pydantic import Field, StringConstraints

from schemas.record import Id, Part, Record, Text, Timestamp

Price = Annotated[float, Field(ge=0, le=1e9)]
Stock = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
"""Below zero is oversold, and counts as none."""

WholeNumber = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
RealNumber = Annotated[float, Field(ge=-1e18, le=1e18)]
"""Python reads numbers of any length from JSON; what no column of the shop can hold, no worker should have to."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Market(Part):
    """What differs in one country."""

    price: Price | None = None
    currency: Currency | None = None
    stock: Stock | None = None


class Product(Record):
    """One product, keyed by `product_id`; a tombstone means it is gone.

    Variants share a `group_id`: one of them per slate, and learning is by group. Unknown `stock` counts as available.
    `restricted` products (adult, medicine) appear only beside their own category.
    """

    product_id: Id
    group_id: Id | None = None
    title: Annotated[str, StringConstraints(min_length=1, max_length=512, strip_whitespace=True)]
    description: Annotated[str, StringConstraints(max_length=8192)] | None = None
    category: Annotated[tuple[Annotated[str, StringConstraints(max_length=128)], ...], Field(max_length=12)] = ()
    brand: Annotated[str, StringConstraints(max_length=128)] | None = None
    price: Price | None = None
    sale_price: Price | None = None
    currency: Currency | None = None
    stock: Stock | None = None
    hidden: bool = False
    restricted: bool = False
    markets: dict[Annotated[str, StringConstraints(max_length=8)], Market] = {}
    gtin: Annotated[str, StringConstraints(max_length=32)] | None = None
    url: Text | None = None
    image_url: Text | None = None
    attributes: Annotated[dict[str, str | WholeNumber | RealNumber | bool], Field(max_length=64)] = {}
    vector: Annotated[tuple[float, ...], Field(max_length=4096)] | None = None
    available_from: Timestamp | None = None
    updated_at: Timestamp | None = None

    @property
    def item(self) -> str:
        """What learning knows the product by: its group, or itself."""
        return self.group_id or self.product_id


class Embedding(Record):
    """A product's vector, keyed by `product_id`: little-endian float16 in base64, with what it was made from."""

    product_id: Id
    model: Annotated[str, StringConstraints(max_length=256)]
    text_hash: Annotated[str, StringConstraints(max_length=64)]
    dim: Annotated[int, Field(ge=1, le=4096)]
    vector: Annotated[str, StringConstraints(max_length=12_000)]
    embedded_at: Timestamp

    def array(self) -> np.ndarray:
        """Unpack the vector.

        Returns:
            float32, shape (dim,).

        Raises:
            ValueError: the bytes are not `dim` finite numbers.
        """
        vector = np.frombuffer(base64.b64decode(self.vector, validate=True), "<f2").astype(np.float32)
        if vector.shape != (self.dim,) or not np.isfinite(vector).all():
            raise ValueError(f"Embedding.vector: not {self.dim} finite numbers")
        return vector


def pack_vector(vector: np.ndarray) -> str:
    """Pack a float vector, shape (dim,), as base64 of little-endian float16."""
    return base64.b64encode(np.ascontiguousarray(vector, "<f2").tobytes()).decode()
