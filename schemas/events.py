"""What visitors do: the records on `clickstream.events`."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.errors import DecodeError
from schemas.record import Id, Part, Record, Text, Timestamp, decode, epoch_ms, from_epoch_ms

EventName = Literal[
    "page_view",
    "view_item_list",
    "select_item",
    "view_item",
    "search",
    "add_to_cart",
    "remove_from_cart",
    "begin_checkout",
    "purchase",
    "refund",
    "page_ping",
    "impression",
    "identify",
    "forget",
]
"""GA4's e-commerce events, Snowplow's page ping, and three of ours: `impression` (a slate was really seen, not just
loaded), `identify` (visitor is this user), `forget` (erase visitor or user)."""

Consent = Literal["none", "personalisation"]

MAX_ITEMS = 200

AHEAD_MS = 10 * 60 * 1000
"""Event times up to this far ahead of arrival are clamped to it; beyond, the record is refused."""

BEHIND_MS = 7 * 24 * 3600 * 1000
"""Event times this far behind arrival are refused unless the record says it is imported or replayed."""

EARLIEST_MS = 946_684_800_000
"""2000-01-01: nothing before it is a real event."""

LATEST_MS = 4_102_444_800_000
"""2100-01-01: nothing from then on either, whatever the producer's clock says of arrival."""

ORIGIN_HEADER = "origin"
"""Kafka header; `import` or `replay` lifts the limit on age."""

SENDER_HEADER = "sender"
"""Kafka header of what came in by the gateway: one of `Sender`."""

Sender = Literal["browser", "server", "gateway"]
"""A page; a shop's backend with a key; the gateway itself, of nobody in particular."""

CONTEXT_VISITOR = "~"
"""What the visitor ids of contexts begin with: the gateway asks for slates for nobody in particular by them."""


def of_context(visitor_id: str) -> bool:
    """Tell whether a visitor is nobody in particular: what bears such an id says nothing of what people do.

    >>> of_context("~3f2a"), of_context("v1")
    (True, False)
    """
    return visitor_id.startswith(CONTEXT_VISITOR)


class Item(Part):
    """One product line of an event."""

    product_id: Id
    quantity: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    price: Annotated[float, Field(ge=0, le=1e9)] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None


class Page(Part):
    """The page view an event belongs to."""

    view_id: Id | None = None
    url: Text | None = None
    referrer: Text | None = None
    kind: Annotated[str, StringConstraints(max_length=32)] | None = None


class Ping(Part):
    """Snowplow's heartbeat: the page is visible and the visitor is active.

    `dwell_ms` is the tracker's own engaged time on this page view so far, where it measures one; `scroll` the furthest
    fraction 0..1 of the page seen.
    """

    dwell_ms: Annotated[int, Field(ge=0, le=86_400_000)] | None = None
    scroll: Annotated[float, Field(ge=0, le=1)] | None = None


class Landing(Part):
    """Where the visitor comes from.

    `referrer` is the kind of place (`search`, `social`, `mail`, `shopping`, `own`, `site`, `direct`), not its address;
    where absent it follows from `utm_source`, `utm_medium` and the host of the page's referrer.
    """

    country: Annotated[str, StringConstraints(max_length=8)] | None = None
    device: Annotated[str, StringConstraints(max_length=16)] | None = None
    locale: Annotated[str, StringConstraints(max_length=16)] | None = None
    utm_source: Annotated[str, StringConstraints(max_length=128)] | None = None
    utm_medium: Annotated[str, StringConstraints(max_length=128)] | None = None
    utm_campaign: Annotated[str, StringConstraints(max_length=128)] | None = None
    utm_term: Annotated[str, StringConstraints(max_length=128)] | None = None
    utm_content: Annotated[str, StringConstraints(max_length=128)] | None = None
    local_hour: Annotated[int, Field(ge=0, le=23)] | None = None
    referrer: Annotated[str, StringConstraints(max_length=16)] | None = None


class Shown(Part):
    """Which slate, and where in it, an event answers."""

    slate_id: Id
    revision: Annotated[int, Field(ge=0, le=1000)] = 0
    placement: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    rank: Annotated[int, Field(ge=1, le=1000)] | None = None


class Event(Record):
    """One thing a visitor did, keyed by `visitor_id`."""

    event_id: Id
    name: EventName
    visitor_id: Id
    user_id: Id | None = None
    at: Timestamp
    items: Annotated[tuple[Item, ...], Field(max_length=MAX_ITEMS)] = ()
    page: Page | None = None
    ping: Ping | None = None
    query: Annotated[str, StringConstraints(max_length=512)] | None = None
    context: Landing | None = None
    shown: Shown | None = None
    consent: Consent = "none"


def decode_event(data: bytes | None, *, arrival_ms: int, origin: str | None = None) -> Event:
    """Read one event and hold its time against its arrival; the wall clock is never read.

    Args:
        data: the Kafka record's value.
        arrival_ms: the Kafka record's timestamp, milliseconds since 1970.
        origin: the `origin` header; `import` and `replay` may bring old events.

    Returns:
        the event, `at` no later than arrival.

    Raises:
        DecodeError: for any bytes that are not an event, and for `clock_skew`.
    """
    event = decode(Event, data)
    at_ms = epoch_ms(event.at)
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        raise DecodeError("clock_skew", "Event.at lies before the year 2000 or after 2099")
    ahead = at_ms - arrival_ms
    if ahead > AHEAD_MS:
        raise DecodeError("clock_skew", f"Event.at lies {ahead // 1000} s after the record's arrival")
    if -ahead > BEHIND_MS and origin not in {"import", "replay"}:
        raise DecodeError(
            "clock_skew", f"Event.at lies {-ahead // 86_400_000} days before arrival without an origin header"
        )
    if ahead > 0:
        event = event.model_copy(update={"at": from_epoch_ms(arrival_ms)})
    return event
