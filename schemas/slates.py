"""What the shop shows: the records on `recommendations` and `recommendations.evidence`."""

import hashlib
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from schemas.record import Id, Part, Record, Timestamp


class SlateItem(Part):
    """One product of a slate; `sources` has the score each source gave it, `reason` is for the shopper."""

    product_id: Id
    rank: Annotated[int, Field(ge=1, le=1000)]
    score: float
    sources: dict[str, float] = {}
    reason: str = ""


class Cause(Part):
    """The source record a slate answers; `topic` without the installation's prefix."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    event_id: Id


class Lineage(Part):
    """The numbered inputs a slate is a function of: the last offset applied of each log, -1 for none.

    `products`, `embeddings` and `rules` are by partition (JSON keys are text).
    """

    products: dict[str, int] = {}
    embeddings: dict[str, int] = {}
    model: int = -1
    judgements: int = -1
    rules: int = -1
    settings: str
    build: str


class Explored(Part):
    """The exploration slot: its 1-based rank and P(pool) x P(product | pool) x P(position), after filters."""

    rank: Annotated[int, Field(ge=1)]
    propensity: Annotated[float, Field(gt=0, le=1)]
    pool: str


class Slate(Record):
    """An ordered, explained list of products for one visitor and placement.

    `items` is twice the shown length: the second half are reserves that fill gaps on delivery.
    """

    slate_id: Id
    revision: Annotated[int, Field(ge=0)] = 0
    visitor_id: Id
    placement: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    anchor: str | None = None
    view_id: str | None = None
    items: tuple[SlateItem, ...]
    cause: Cause
    lineage: Lineage
    variant: dict[str, str] = {}
    explored: Explored | None = None
    event_at: Timestamp
    decided_at: Timestamp
    expires_at: Timestamp


class Evidence(Record):
    """What no log can give back later, per slate: the visitor's state and the content candidates as they were used."""

    slate_id: Id
    visitor_id: Id
    state: dict[str, Any] | None = None
    content: tuple[tuple[str, float], ...] = ()
    timed_out: tuple[str, ...] = ()
    at: Timestamp


def slate_id(*, topic: str, partition: int, offset: int, placement: str) -> str:
    """Name the slate that answers one source record at one placement; the same input always gives the same name.

    >>> slate_id(topic="clickstream.events", partition=3, offset=17, placement="home")
    's-3-17-home-0685'
    """
    digest = hashlib.blake2b(topic.encode(), digest_size=2).hexdigest()
    return f"s-{partition}-{offset}-{placement}-{digest}"
