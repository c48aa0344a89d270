"""What the shop shows: the records on `recommendations` and `recommendations.evidence`."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypedDict

import orjson
from pydantic import Field, StringConstraints

from schemas.judgements import Key
from schemas.record import MAX_OWN_BYTES, Id, Part, Record, Timestamp, rfc3339


class SlateItem(Part):
    """One product of a slate; `sources` has the score each source gave it, `reason` is for the shopper."""

    product_id: Id
    rank: Annotated[int, Field(ge=1, le=1000)]
    score: float
    sources: dict[str, float] = {}
    reason: str = ""


class Cause(Part):
    """The source record a slate answers; `topic` without the installation's prefix.

    `epoch` counts how often the topic was created anew: its offsets start over then, so (epoch, offset) is the order.
    """

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    epoch: Annotated[int, Field(ge=0)] = 0
    event_id: Id


class Lineage(Part):
    """The numbered inputs a slate is a function of: the last offset applied of each log, -1 for none.

    `products` and `embeddings` are by partition (JSON keys are text). `generation` is the one whose `learning` the
    model's offset is of, absent for the first.
    """

    products: dict[str, int] = {}
    embeddings: dict[str, int] = {}
    model: int = -1
    judgements: int = -1
    rules: int = -1
    generation: str | None = None
    settings: str
    build: str


class Explored(Part):
    """The exploration slot: its 1-based rank and P(pool) x P(product | pool) x P(position), after filters.

    `shares` has P(pool) of every pool that had candidates: what another policy over pools would have had to draw from.
    """

    rank: Annotated[int, Field(ge=1)]
    propensity: Annotated[float, Field(gt=0, le=1)]
    pool: str
    shares: dict[str, float] = {}


class JudgedBy(Part):
    """What a slate was judged by: its visitor's segment and intent, and how far a language model's judgements cover it.

    `by` is the table in use: of this very key (`fine`), of everybody with the intent (`coarse`), or `none`; `hits` of
    the `of` best candidates have a judgement in it.
    """

    segment: Key
    intent: Key
    by: Literal["fine", "coarse", "none"]
    hits: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]
    covered: bool


class Slate(Record):
    """An ordered, explained list of products for one visitor and placement.

    `items` is twice the shown length: the second half are reserves that fill gaps on delivery. `revision` 1 of a slate
    was decided again with judgements that came after revision 0 was written; `judged` is absent where neither visit nor
    profile gives anything to judge by.

    A campaign's slate answers no event: its anchor is the campaign, its cause the last event of its visitor that was
    applied, with `campaign:` and the campaign's name for the event's id.
    """

    MAX_BYTES: ClassVar[int] = MAX_OWN_BYTES

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
    judged: JudgedBy | None = None
    event_at: Timestamp
    decided_at: Timestamp
    expires_at: Timestamp


class PlainItem(TypedDict):
    """A `SlateItem` before it is written: deciding makes dozens per slate, so they are not validated one by one."""

    product_id: str
    rank: int
    score: float
    sources: dict[str, float]
    reason: str


class SlateHead(NamedTuple):
    """A `Slate` but for its items and what many slates have in common."""

    slate_id: str
    visitor_id: str
    placement: str
    anchor: str | None
    view_id: str | None
    explored: Explored | None
    event_at: datetime
    decided_at: datetime
    expires_at: datetime
    judged: JudgedBy | None = None
    revision: int = 0


def encode_slate(
    head: SlateHead, items: Sequence[PlainItem], *, lineage: orjson.Fragment, cause: orjson.Fragment
) -> bytes:
    """Write a slate, as `Slate(...).encode()` would, in a fifth of the time.

    Args:
        head: what is the slate's own.
        items: best first.
        lineage: `Lineage` as JSON, written once for all slates of a batch.
        cause: `Cause` as JSON, written once for all slates of an event.
    """
    plain = {
        "schema_version": Slate.VERSION,
        "slate_id": head.slate_id,
        "revision": head.revision,
        "visitor_id": head.visitor_id,
        "placement": head.placement,
        "anchor": head.anchor,
        "view_id": head.view_id,
        "items": items,
        "cause": cause,
        "lineage": lineage,
        "variant": {},
        "explored": None if head.explored is None else head.explored.model_dump(),
        "judged": None if head.judged is None else head.judged.model_dump(),
        "event_at": rfc3339(head.event_at),
        "decided_at": rfc3339(head.decided_at),
        "expires_at": rfc3339(head.expires_at),
    }
    return orjson.dumps({name: value for name, value in plain.items() if value is not None})


class Evidence(Record):
    """What no log can give back later, per slate.

    `state` is the visitor's, absent without consent; `content`, `anchored` and `cold` are the candidates of the sources
    that ask the index (approximate search gives no answer twice), best first; `timed_out` the sources done without;
    `decided_at` the slate's own, which tells apart two decisions for one event (only the written one counts).
    """

    MAX_BYTES: ClassVar[int] = MAX_OWN_BYTES

    slate_id: Id
    visitor_id: Id
    state: dict[str, Any] | None = None
    content: tuple[tuple[str, float], ...] = ()
    anchored: tuple[tuple[str, float], ...] = ()
    cold: tuple[tuple[str, float], ...] = ()
    timed_out: tuple[str, ...] = ()
    at: Timestamp
    decided_at: Timestamp | None = None


def slate_id(*, topic: str, partition: int, offset: int, placement: str, epoch: int = 0) -> str:
    """Name the slate that answers one source record at one placement; the same input always gives the same name.

    >>> slate_id(topic="clickstream.events", partition=3, offset=17, placement="home")
    's-3-17-home-0685'
    >>> slate_id(topic="clickstream.events", partition=3, offset=17, placement="home", epoch=2)
    's-3-2.17-home-0685'
    """
    at = f"{epoch}.{offset}" if epoch else f"{offset}"
    digest = hashlib.blake2b(topic.encode(), digest_size=2).hexdigest()
    return f"s-{partition}-{at}-{placement}-{digest}"


CAMPAIGN = "c-"
"""What the ids of campaigns' slates begin with; those that answer an event begin with `s-`."""


def campaign_slate_id(*, campaign: str, visitor_id: str, placement: str) -> str:
    """Name a campaign's slate for one visitor at one placement; the same input always gives the same name.

    >>> campaign_slate_id(campaign="spring", visitor_id="v1", placement="email")
    'c-72b982c0eef1ab120c9d-email'
    """
    digest = hashlib.blake2b(f"{campaign}\0{visitor_id}".encode(), digest_size=10).hexdigest()
    return f"{CAMPAIGN}{digest}-{placement}"


def of_campaign(slate_id: str) -> bool:
    """Tell whether a slate is a campaign's and answers no event.

    >>> of_campaign("c-0685-email"), of_campaign("s-3-17-home-0685")
    (True, False)
    """
    return slate_id.startswith(CAMPAIGN)
