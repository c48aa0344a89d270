"""A slate as an audit needs it: what was shown to whom, and when."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from models.placements import PLACEMENTS
from schemas.record import MAX_OWN_BYTES, Id, Part, Record, Timestamp
from schemas.slates import Explored

_SIZES = {placement.name: placement.size for placement in PLACEMENTS}


class ShownItem(Part):
    """One product of a slate."""

    product_id: Id
    rank: Annotated[int, Field(ge=1, le=1000)]


class ShownSlate(Record):
    """A `Slate` without what decided it."""

    MAX_BYTES: ClassVar[int] = MAX_OWN_BYTES

    slate_id: Id
    visitor_id: Id
    revision: Annotated[int, Field(ge=0)] = 0
    placement: str
    items: tuple[ShownItem, ...]
    explored: Explored | None = None
    event_at: Timestamp

    @property
    def shown(self) -> Sequence[ShownItem]:
        """Give the items on the shelf, without its reserves: half of the slate where the placement is not known."""
        size = _SIZES.get(self.placement, (len(self.items) + 1) // 2)
        return [item for item in self.items if item.rank <= size]
