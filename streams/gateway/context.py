"""What is known of a page whose visitor is nobody in particular, and the event that asks for slates for it."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from schemas.events import CONTEXT_VISITOR, Event, EventName, Item, Landing, Page
from schemas.record import epoch_ms

DEVICES = frozenset({"mobile", "tablet", "desktop"})
MAX_WORDS = 64
COUNTRY_CHARS = 2

ASKED_BY: dict[str, EventName] = {
    "home": "page_view",
    "category": "page_view",
    "product": "view_item",
    "search": "search",
}
"""The event that asks for a placement; others belong to a cart, which nobody in particular has."""


class Context(NamedTuple):
    """A placement, what it is anchored to, and where the visitor comes from."""

    placement: str
    anchor: str | None = None
    country: str | None = None
    device: str | None = None
    campaign: str | None = None

    @property
    def visitor_id(self) -> str:
        """Name the context as the visitor whom its slates are decided for."""
        digest = hashlib.blake2b("\0".join(part or "" for part in self).encode(), digest_size=12)
        return CONTEXT_VISITOR + digest.hexdigest()

    @property
    def broadest(self) -> "Context":
        """Give what the placement shows to anybody; a product's shelf always belongs to its product."""
        return Context(self.placement, self.anchor if self.placement == "product" else None)

    def broader(self) -> Iterator["Context"]:
        """Give the contexts around this one, the nearest first."""
        context = self
        for less in (self._replace(campaign=None), self._replace(campaign=None, device=None)):
            if less != context:
                context = less
                yield context
        for less in (Context(self.placement, self.anchor), self.broadest):
            if less != context:
                context = less
                yield context

    def event(self, at: datetime) -> Event:
        """Write the event that asks for the context's slates: without consent, so that nothing is kept or learned."""
        visitor_id, name = self.visitor_id, ASKED_BY[self.placement]
        landing = Landing(country=self.country, device=self.device, utm_campaign=self.campaign)
        return Event(
            event_id=f"{visitor_id}-{epoch_ms(at)}",
            name=name,
            visitor_id=visitor_id,
            at=at,
            items=(Item(product_id=self.anchor),) if self.placement == "product" and self.anchor else (),
            page=Page(kind=self.placement) if name == "page_view" else None,
            query=self.anchor if self.placement == "search" else None,
            context=landing if landing != Landing() else None,
        )


def context_of(
    placement: str,
    *,
    anchor: str | None = None,
    country: str | None = None,
    device: str | None = None,
    campaign: str | None = None,
) -> Context | None:
    """Keep of what a page says what tells contexts apart; None where nobody in particular has such a shelf.

    A category's page does not count: without anything known of its visitor, its shelf is every category's.

    >>> context_of("search", anchor=" Red  mugs ", country="nl", device="Mobile", campaign="x").anchor
    'red mugs'
    """
    if placement not in ASKED_BY or (placement == "product" and not anchor):
        return None
    country = (country or "").strip().upper()
    device = (device or "").strip().lower()
    campaign = (campaign or "").strip().lower()
    words = " ".join((anchor or "").lower().split())[:MAX_WORDS]
    anchors = {"product": anchor, "search": words or None}
    return Context(
        placement,
        anchors.get(placement),
        country if len(country) == COUNTRY_CHARS and country.isalpha() and country.isascii() else None,
        device if device in DEVICES else None,
        campaign or None,
    )
