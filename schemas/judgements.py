"""What the language model is asked and what it said: `judgements.requests` and `judgements`."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.record import Id, Part, Record, Timestamp

Key = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class JudgementRequest(Record):
    """Judge these products for a visitor segment and session intent; keyed by `segment|intent`."""

    segment: Key
    intent: Key
    product_ids: Annotated[tuple[Id, ...], Field(max_length=300)]
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
    """All scores of a segment and intent, keyed by `segment|intent`; a tombstone means expired."""

    segment: Key
    intent: Key
    model: Annotated[str, StringConstraints(max_length=256)]
    prompt_version: Annotated[str, StringConstraints(max_length=32)]
    scores: Annotated[dict[str, Judgement], Field(max_length=300)]
