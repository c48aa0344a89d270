"""What the visitor's view says, piece by piece; `plain` of it is what the page draws."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

from streams.past.explanation import ContextTold, ItemTold, JudgedTold, MoveTold, RemovedTold, SessionTold


class ProductTold(NamedTuple):
    """A product as its shelf shows it."""

    product_id: str
    title: str
    category: str
    price: float | None


class EventTold(NamedTuple):
    """An event: nothing of who it was, nor of which address."""

    name: str
    at: str
    page: str
    products: tuple[tuple[str, str], ...]
    query: str | None
    placement: str
    rank: int | None
    dwell_s: float | None
    scroll: float | None
    consent: bool


class CandidateTold(NamedTuple):
    """A candidate: its shares by source (in the order of `CandidatesTold.sources`), and what became of it.

    `rank` is where it stands on the slate, None where it does not; `why` then says what speaks against it.
    """

    product: ProductTold
    relevance: float
    shares: tuple[float, ...]
    judged: float | None
    rank: int | None
    why: str


@dataclass(frozen=True)
class DecisionTold:
    """A slate decided again.

    `model` is the model's offset that decided the slate, `told_with` the one it is told with; `same_order` says that
    the same products came out in the same order, `same_shown` that those that are shown did, `same_ranks` how
    many of these have the same rank.
    """

    same_order: bool
    same_shown: bool
    same_ranks: int
    model: int
    told_with: int
    same_settings: bool
    shown: int
    sources: tuple[str, ...]
    found: tuple[tuple[str, int], ...]
    timed_out: tuple[str, ...]
    candidates: tuple[CandidateTold, ...]
    of: int
    removed: tuple[RemovedTold, ...]
    items: tuple[ItemTold, ...]
    explored: dict[str, Any] | None
    judged: JudgedTold | None
    weights: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class ItemOnShelf:
    """An item of a slate as it was written: what each source gave it, as shares of its best."""

    rank: int
    product: ProductTold
    score: float
    reason: str
    sources: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class ShelfTold:
    """The newest slate of a placement; `why_not` says why it is not decided again, and is empty where it is."""

    placement: str
    anchor: str | None
    slate_id: str
    revision: int
    revisions: int
    event_at: str
    decided_at: str
    written_after_ms: int | None
    shown: int
    items: tuple[ItemOnShelf, ...]
    judged: dict[str, Any] | None
    explored: dict[str, Any] | None
    lineage: dict[str, Any]
    cause: dict[str, Any]
    moves: tuple[MoveTold, ...]
    decision: DecisionTold | None
    why_not: str


@dataclass(frozen=True)
class VisitorTold:
    """A visitor now: what is known of the session, the context it makes, and the shelves."""

    consent: bool | None
    session: SessionTold | None
    context: ContextTold | None
    segment: str
    intents: tuple[str, ...]
    events: tuple[EventTold, ...]
    shelves: tuple[ShelfTold, ...]
    products: dict[str, ProductTold]
    why_not: str


def plain(told: Any) -> Any:
    """Give what is told as dictionaries by name, named tuples too.

    >>> plain((ProductTold("p1", "Mug", "", None), 1))
    [{'product_id': 'p1', 'title': 'Mug', 'category': '', 'price': None}, 1]
    """
    if is_dataclass(told) and not isinstance(told, type):
        return {one.name: plain(getattr(told, one.name)) for one in fields(told)}
    if isinstance(told, tuple) and hasattr(told, "_asdict"):
        return {name: plain(value) for name, value in told._asdict().items()}
    if isinstance(told, list | tuple):
        return [plain(value) for value in told]
    if isinstance(told, dict):
        return {name: plain(value) for name, value in told.items()}
    return told
