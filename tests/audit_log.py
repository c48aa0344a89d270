"""Logs of slates and events made by hand, fair and unfair, and the shop they are of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from schemas.events import Event
from schemas.products import Embedding, Product, pack_vector
from schemas.slates import Cause, Lineage, Slate, SlateItem
from schemas.topics import EVENTS
from streams.embedding import wanted_hash

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOSTILE = "<script>[bold]Kettles[/]</script>"


def slate(n: int, products: Sequence[str], *, visitor: str = "", placement: str = "shelf", revision: int = 0) -> Slate:
    """Make the slate of minute `n`: these products are shown, as many reserves follow."""
    items = [*products, *(f"reserve{at}" for at in range(len(products)))]
    at = NOON + timedelta(minutes=n)
    return Slate(
        slate_id=f"s{n}",
        revision=revision,
        visitor_id=visitor or f"v{n % 8}",
        placement=placement,
        items=tuple(SlateItem(product_id=one, rank=rank, score=1.0) for rank, one in enumerate(items, 1)),
        cause=Cause(topic=EVENTS, partition=0, offset=n, event_id=f"e{n}"),
        lineage=Lineage(settings="s", build="b"),
        event_at=at,
        decided_at=at,
        expires_at=at + timedelta(hours=1),
    )


def event(n: int, product: str, *, name: str = "view_item", visitor: str = "") -> Event:
    """Make the event of minute `n`."""
    at = NOON + timedelta(minutes=n)
    items = ({"product_id": product},)
    return Event(event_id=f"e{n}", name=name, visitor_id=visitor or f"v{n % 8}", at=at, items=items)


def product(n: int) -> Product:
    """Make product `n` of 20: four categories and four brands, those of 0 to 4 named with markup."""
    kind = HOSTILE if n < 5 else f"kind {n // 5}"
    return Product(
        product_id=f"p{n}", title=f"Kettle {n}", category=("Home", kind), brand=f"{kind} & Sons", price=10.0 + n
    )


def vector_of(product: Product) -> Embedding:
    """Give a product the vector of its text."""
    return Embedding(
        product_id=product.product_id,
        model="m",
        text_hash=wanted_hash(product, "m"),
        dim=2,
        vector=pack_vector(np.ones(2)),
        embedded_at=NOON,
    )


CATALOGUE = [product(n) for n in range(20)]
KINDS = ("view_item", "add_to_cart", "purchase")
FAIR_EVENTS = [event(n // 4, f"p{n % 20}", name=KINDS[n % 3]) for n in range(480)]
FAIR_SLATES = [slate(n, [f"p{(n + k) % 20}" for k in range(0, 20, 5)]) for n in range(120)]
"""Every product and category as often as the others, to every visitor: 24 times each, as often as it is touched."""

BUBBLE_SLATES = [
    slate(n, [f"p{n % 4 * 5 + (n // 4 + k) % 5}" for k in range(4)], visitor=f"v{n % 4}") for n in range(120)
]
"""Every visitor sees one category, every product is shown as often as the others."""

WANTED = ["p19"] * 48 + ["p14"] * 36 + [f"p{n}" for n in range(20) if n not in {14, 19}] * 22
SKEWED_EVENTS = [event(n // 4, WANTED[7 * n % 480]) for n in range(480)]
SKEWED_SLATES = [*FAIR_SLATES[:60], *(slate(n, ["p19", "p14", "p9", "p4"]) for n in range(60, 120))]
"""Two products are wanted about twice as much as others, and shown six times as much: from the second hour on."""
