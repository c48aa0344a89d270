"""Where slates appear: placements are data, not code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from schemas.events import Event, EventName

FIRST_RESERVED = 4
"""Ranks above are never given away."""

AnchorKind = Literal["none", "product", "cart", "category", "query"]


@dataclass(frozen=True)
class Placement:
    """One shelf.

    Args:
        name: what the storefront asks for.
        triggers: the events that make a new slate.
        page_kinds: a `page_view` triggers only on these kinds of page.
        size: shown products; a slate holds twice as many, the second half are reserves.
        anchor: what the shelf belongs to; a shelf anchored to products never contains them.
        emphasis: added to a candidate's relevance (0..1) per source, times its share of the source's best score.
        same_leaf: False where products of the anchor's own leaf category are substitutes and do not belong.
        bought_again: False where a bought product never returns, however long ago.
        restricted: False where a restricted product never stands, not even beside its own category.
        explores: True where one slot goes to a product the blend would not have shown.
        reserves_cold: the 1-based rank kept for a product that hardly anybody knows yet and that fits the session; the
            next one where exploration drew the same. Not among the first, which are the blend's; None for none.
    """

    name: str
    triggers: frozenset[EventName]
    page_kinds: frozenset[str] = frozenset()
    size: int = 12
    anchor: AnchorKind = "none"
    emphasis: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    same_leaf: bool = True
    bought_again: bool = True
    restricted: bool = True
    explores: bool = False
    reserves_cold: int | None = None

    def __post_init__(self) -> None:
        """Keep the first ranks for what is best."""
        if self.reserves_cold is not None and not FIRST_RESERVED <= self.reserves_cold < self.size:
            raise ValueError(f"{self.name}: reserves_cold is {FIRST_RESERVED} to size - 1, or None")

    def cold_rank(self, explored: int) -> int:
        """Give the rank of the reserved slot beside an explored rank: the two never meet."""
        rank = self.reserves_cold or 0
        return rank + 1 if rank == explored else rank

    def triggered_by(self, event: Event) -> bool:
        """Say whether an event asks for a slate here."""
        if event.name not in self.triggers:
            return False
        if event.name == "page_view":
            return event.page is not None and (event.page.kind or "") in self.page_kinds
        return self.anchor != "product" or bool(event.items)

    def anchors(self, event: Event, cart: tuple[str, ...]) -> tuple[str, ...]:
        """Give the products the slate belongs to, which it must not contain."""
        if self.anchor == "product":
            return tuple(item.product_id for item in event.items[:1])
        if self.anchor == "cart":
            return basket(event, cart)
        return ()

    def anchor_name(self, event: Event, cart: tuple[str, ...]) -> str | None:
        """Name the anchor for the record."""
        if self.anchor == "product":
            return event.items[0].product_id if event.items else None
        if self.anchor == "cart":
            return ",".join(basket(event, cart)[-10:]) or None
        if self.anchor == "query":
            return event.query
        return event.page.url if self.anchor == "category" and event.page else None


def basket(event: Event, cart: tuple[str, ...]) -> tuple[str, ...]:
    """Give what is being bought: the products of a purchase, else the cart as it stands after the event."""
    return tuple(item.product_id for item in event.items) if event.name == "purchase" else cart


PLACEMENTS: tuple[Placement, ...] = (
    Placement(
        name="home",
        triggers=frozenset({"page_view", "view_item", "add_to_cart", "purchase", "search"}),
        page_kinds=frozenset({"home"}),
        size=20,
        explores=True,
        reserves_cold=8,
    ),
    Placement(
        name="product",
        triggers=frozenset({"view_item"}),
        anchor="product",
        emphasis=MappingProxyType({"anchored": 0.5}),
    ),
    Placement(
        name="cart",
        triggers=frozenset({"add_to_cart", "remove_from_cart"}),
        anchor="cart",
        emphasis=MappingProxyType({"together": 2.0}),
        same_leaf=False,
    ),
    Placement(
        name="category",
        triggers=frozenset({"page_view"}),
        page_kinds=frozenset({"category"}),
        anchor="category",
        explores=True,
    ),
    Placement(
        name="search",
        triggers=frozenset({"search"}),
        anchor="query",
        emphasis=MappingProxyType({"words": 2.0}),
    ),
    Placement(
        name="confirmation",
        triggers=frozenset({"purchase"}),
        anchor="cart",
        emphasis=MappingProxyType({"together": 1.0}),
        same_leaf=False,
        bought_again=False,
    ),
    # No event asks for these: campaigns do. What leaves the shop may be read by others.
    Placement(name="email", triggers=frozenset(), size=8, restricted=False),
    Placement(name="push", triggers=frozenset(), size=4, restricted=False),
)

OF_CAMPAIGNS: tuple[Placement, ...] = tuple(placement for placement in PLACEMENTS if not placement.triggers)
