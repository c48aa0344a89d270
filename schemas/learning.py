"""What is learned: the records on `learning`, one per source event."""

import base64
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, StringConstraints

from schemas.record import MAX_OWN_BYTES, Id, Part, Record, Timestamp

StepKind = Literal["view", "click", "cart", "remove", "purchase", "refund", "impression", "identify", "forget"]
"""`click` is a view reached through a list; `identify` is also what an event without a step of its own becomes when it
is the first to tell a known visitor's user; the others are what their names say."""

Weighted = tuple[str, float]
"""An item (a product's group, or itself) and a weight."""


class Origin(Part):
    """The source record; followers drop what they have seen by it. `topic` without the installation's prefix.

    `epoch` counts how often the topic was created anew: its offsets start over then.
    """

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    epoch: Annotated[int, Field(ge=0)] = 0


class TrainingRow(Part):
    """One training example of the blender: features of a positive (row 0) and its negatives, as they were *before*.

    `features` is little-endian float16 in base64, shape (rows, columns), under the feature list named by `version`.
    """

    version: Annotated[str, StringConstraints(max_length=32)]
    rows: Annotated[int, Field(ge=1, le=64)]
    columns: Annotated[int, Field(ge=1, le=256)]
    features: Annotated[str, StringConstraints(max_length=44_000)]
    weight: Annotated[float, Field(ge=0, le=100)] = 1.0

    def array(self) -> np.ndarray:
        """Unpack the features.

        Returns:
            float32, shape (rows, columns).

        Raises:
            ValueError: the bytes do not have that shape, or are not finite.
        """
        flat = np.frombuffer(base64.b64decode(self.features, validate=True), "<f2").astype(np.float32)
        if flat.size != self.rows * self.columns or not np.isfinite(flat).all():
            raise ValueError("TrainingRow.features: not the shape it names, or not finite")
        return flat.reshape(self.rows, self.columns)


def pack_features(features: np.ndarray) -> str:
    """Pack a feature matrix, shape (rows, columns), as base64 of little-endian float16."""
    return base64.b64encode(np.ascontiguousarray(features, "<f2").tobytes()).decode()


MAX_LEAF_CHARS = 80

Leaf = Annotated[str, StringConstraints(max_length=MAX_LEAF_CHARS)]
"""A leaf category: its path, or a hash of a longer one."""


class LearningStep(Record):
    """Everything the model learns from one source event, with all its products.

    `items` carry kind weights; `context` is the visitor's last 10 items *before* the event, oldest first, with their
    weights; `session` names the session the items belong to; `unknown` says, by place, which of `names` the
    catalogue did not hold; `explored` names the exploration pool of a product that was seen or clicked, and `rank` is
    then that product's.

    Carts and purchases say which leaf categories were in the cart before (`cart_leaves`), which
    one each of `items` is of (`leaves`, by place, empty text for none), and purchases how many days ago the same person
    bought each of `items` last (`gap_days`, by place, 0 for never or just now); empty where all of it is unknown.
    """

    MAX_BYTES: ClassVar[int] = MAX_OWN_BYTES

    origin: Origin
    at: Timestamp
    visitor_id: Id
    user_id: Id | None = None
    session: Id | None = None
    kind: StepKind
    items: Annotated[tuple[Weighted, ...], Field(max_length=200)] = ()
    context: Annotated[tuple[Weighted, ...], Field(max_length=10)] = ()
    cart: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    landing: dict[str, str] = {}
    slate_id: str | None = None
    placement: str | None = None
    rank: int | None = None
    explored: str | None = None
    variant: dict[str, str] = {}
    row: TrainingRow | None = None
    unknown: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=260)] = ()
    leaves: Annotated[tuple[Leaf, ...], Field(max_length=200)] = ()
    cart_leaves: Annotated[tuple[Leaf, ...], Field(max_length=50)] = ()
    gap_days: Annotated[tuple[Annotated[float, Field(ge=0, le=3650)], ...], Field(max_length=200)] = ()

    def names(self) -> list[str]:
        """Give every item the step names: of `items`, `context` and `cart`, one after the other."""
        return [*(item for item, _ in self.items), *(item for item, _ in self.context), *self.cart]

    def unknown_items(self) -> frozenset[str]:
        """Give the items the catalogue did not hold; places beyond the names say nothing."""
        if not self.unknown:
            return frozenset()
        names = self.names()
        return frozenset(names[place] for place in self.unknown if place < len(names))
