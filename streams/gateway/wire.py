"""What the gateway says and is told, as JSON over HTTP."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.events import Consent
from schemas.record import Id, Timestamp

MAX_BODY = 256 * 1024
"""Bytes of a request's body."""

MAX_EVENTS = 500
MAX_TIMINGS = 100

Rejection = Literal[
    "not_json",
    "schema",
    "too_large",
    "clock_skew",
    "unknown_version",
    "no_consent",
    "not_allowed",
    "not_acknowledged",
]
"""Why an event was not taken: the dead letters' reasons, and three of the gateway's own. `not_allowed`: a page may not
say so, only a server with a key; `not_acknowledged`: Kafka did not answer, so send it again with its `event_id`."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Timing(_Message):
    """How long a page waited: from the event it tracked to the painted slate, milliseconds."""

    slate_id: Id
    revision: Annotated[int, Field(ge=0, le=1000)] = 0
    ms: Annotated[float, Field(ge=0, le=600_000)]


class EventBatch(_Message):
    """What a tracker sends at once; `events` are validated one by one, so that one bad event spoils no other."""

    sent_at: Timestamp | None = None
    consent: Consent | None = None
    events: Annotated[list[Any], Field(max_length=MAX_EVENTS)] = []
    timings: Annotated[list[Timing], Field(max_length=MAX_TIMINGS)] = []


class Rejected(_Message):
    """An event that was not taken: its place in the batch, and why."""

    index: int
    reason: Rejection
    detail: str


class Receipt(_Message):
    """What became of a batch."""

    accepted: int
    rejected: list[Rejected] = []


class ShelfItem(_Message):
    """A product as a shelf shows it; `rank` is the slate's own, so gaps stay where something was dropped."""

    product_id: str
    rank: int
    reason: str = ""
    title: str
    brand: str | None = None
    category: tuple[str, ...] = ()
    price: float | None = None
    sale_price: float | None = None
    currency: str | None = None
    url: str | None = None
    image_url: str | None = None


class Shelf(_Message):
    """A slate on delivery: what can be bought now, and what takes the place of what sells out meanwhile.

    `contextual` says that nothing of a visitor went into it; `event_id` is the event it answers.
    """

    slate_id: str
    revision: int
    placement: str
    anchor: str | None = None
    contextual: bool = False
    event_id: str
    event_at: str
    expires_at: str
    items: tuple[ShelfItem, ...]
    reserves: tuple[ShelfItem, ...] = ()


class Withdraw(_Message):
    """Products that can no longer be bought, on whatever shelf they stand."""

    product_ids: tuple[str, ...]
