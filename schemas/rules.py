"""What the operator decides: pins, boosts, filters and experiments on `rules`."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.record import Id, Record, Timestamp


class Rule(Record):
    """One merchandising rule or experiment, keyed by `rule_id`; a tombstone ends it.

    `boost` multiplies scores by `factor`; `pin` fixes products to ranks from 1; `filter` removes them; `experiment`
    splits visitors over `arms` by weight.
    """

    rule_id: Id
    kind: Literal["pin", "boost", "filter", "experiment"]
    placements: tuple[Annotated[str, StringConstraints(max_length=32)], ...] = ()
    product_ids: Annotated[tuple[Id, ...], Field(max_length=500)] = ()
    category: tuple[str, ...] = ()
    brand: str | None = None
    factor: Annotated[float, Field(ge=0, le=100)] = 1.0
    arms: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None
