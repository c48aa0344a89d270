"""What the language model is asked and what it said: `judgements.requests` and `judgements`."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from schemas.record import MAX_OWN_BYTES, Id, Part, Record, Timestamp

Key = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f|]+$")]
"""A segment or an intent: no control characters, which begin our own keys, and not what stands between the two."""

MAX_JUDGED = 1000
"""Products in one table."""

MAX_ASKED = 100
"""Products of one request: the best candidates of a slate."""

SPENDING_KEY = b"\0spending."
"""Our own keys on `judgements` begin with 0, which no segment may contain; the partition of the requests follows."""


class JudgementRequest(Record):
    """Judge these products for a visitor segment and session intent; keyed by `segment|intent`.

    `product_ids` are items (the group, where a product has variants), best candidate first. `asker` tells distinct
    visitors of one key apart and nothing else: a hash of visitor and key. A slate is waiting until `deadline_at`.
    """

    segment: Key
    intent: Key
    product_ids: Annotated[tuple[Id, ...], Field(max_length=MAX_ASKED)]
    asker: Annotated[str, StringConstraints(max_length=32)] | None = None
    slate_id: Id | None = None
    deadline_at: Timestamp | None = None
    at: Timestamp


class Judgement(Part):
    """One product's score 0..10 and what it was judged by; a changed text makes it missing, never zero."""

    score: Annotated[float, Field(ge=0, le=10)]
    text_hash: Annotated[str, StringConstraints(max_length=64)]
    price_band: Annotated[str, StringConstraints(max_length=16)] = ""
    judged_at: Timestamp


class JudgementTable(Record):
    """All scores of a segment and intent by item, keyed by `segment|intent`; a tombstone means expired."""

    MAX_BYTES: ClassVar[int] = MAX_OWN_BYTES

    segment: Key
    intent: Key
    model: Annotated[str, StringConstraints(max_length=256)]
    prompt_version: Annotated[str, StringConstraints(max_length=32)]
    scores: Annotated[dict[Id, Judgement], Field(max_length=MAX_JUDGED)]


class Spending(Record):
    """What calls for one partition of the requests have cost, in USD by minute since 1970; an hour of it is kept.

    Written before a call with what it may cost at most, and again with what it did: a worker that is killed in between
    has spent too much on paper, never too little.
    """

    partition: Annotated[int, Field(ge=0)]
    usd: Annotated[dict[int, Annotated[float, Field(ge=0, le=1e9)]], Field(max_length=120)]

    def key(self) -> bytes:
        """Give the record's key."""
        return SPENDING_KEY + b"%d" % self.partition


def judgement_key(segment: str, intent: str) -> bytes:
    """Give the key of a segment's and intent's records on both topics.

    >>> judgement_key("loyal.mid.outdoor", "outdoor/kids.low.comparing")
    b'loyal.mid.outdoor|outdoor/kids.low.comparing'
    """
    return f"{segment}|{intent}".encode()
