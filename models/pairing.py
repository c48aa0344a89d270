"""Bring together what was explored, whether it was seen, and whether it was clicked in time."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from models.kernel import hash63
from models.off_policy import Sample
from models.visit import kind_of
from schemas.events import Event
from schemas.record import epoch_ms
from schemas.slates import Explored

REWARDED_MS = 30 * 60 * 1000
"""A click so long after the impression still pays for what was explored."""


class Placed(Protocol):
    """A product and its 1-based rank."""

    @property
    def product_id(self) -> str:
        """Name the product."""

    @property
    def rank(self) -> int:
        """Give its rank."""


class Exploring(Protocol):
    """What of a `Slate` is needed here."""

    @property
    def slate_id(self) -> str:
        """Name the slate."""

    @property
    def visitor_id(self) -> str:
        """Name who it was decided for."""

    @property
    def items(self) -> Sequence[Placed]:
        """Give its products."""

    @property
    def explored(self) -> Explored | None:
        """Give its exploration slot."""


@dataclass(slots=True)
class _Slot:
    """An explored product; times in event time, infinite for never."""

    visitor_id: str
    product_id: str
    explored: Explored
    seen_ms: float = math.inf
    clicked_ms: float = math.inf


class Pairing:
    """Follow exploration slots from slate to click.

    Slates come before their events; the order is otherwise free. Of more slates than `most` those are kept whose id has
    the lowest hash: a fair sample, the same every time.

    Args:
        most: slates held, some 500 bytes each.
    """

    def __init__(self, most: int = 200_000) -> None:
        self._most = most
        self._below = 1 << 63
        self._slots: dict[str, _Slot] = {}

    def show(self, slate: Exploring) -> None:
        """Note a slate's exploration slot, if it has one and says what it was drawn from."""
        explored = slate.explored
        if explored is None or explored.pool not in explored.shares or not self._kept(slate.slate_id):
            return
        product = next((one.product_id for one in slate.items if one.rank == explored.rank), None)
        if product is None or min(explored.shares.values()) <= 0:
            return
        self._slots.setdefault(slate.slate_id, _Slot(slate.visitor_id, product, explored))
        while len(self._slots) > self._most:
            self._below //= 2
            self._slots = {name: slot for name, slot in self._slots.items() if self._kept(name)}

    def see(self, event: Event) -> None:
        """Note that an explored product was seen or clicked, by the visitor it was shown to."""
        shown = event.shown
        slot = self._slots.get(shown.slate_id) if shown else None
        if shown is None or slot is None or slot.visitor_id != event.visitor_id:
            return
        place = slot.explored.rank - (shown.rank or 1)
        if not 0 <= place < len(event.items) or event.items[place].product_id != slot.product_id:
            return
        if event.name == "impression":
            slot.seen_ms = min(slot.seen_ms, epoch_ms(event.at))
        elif kind_of(event) in {"view", "click"}:
            slot.clicked_ms = min(slot.clicked_ms, epoch_ms(event.at))

    def samples(self) -> list[Sample]:
        """Give what was seen so far. Clicks still to come within half an hour are missing, from all policies alike."""
        return [_sample(slot) for slot in self._slots.values() if math.isfinite(slot.seen_ms)]

    def _kept(self, slate_id: str) -> bool:
        return hash63(slate_id) < self._below


def explored_samples(slates: Iterable[Exploring], events: Iterable[Event], *, most: int = 200_000) -> list[Sample]:
    """Pair logged slates with what became of their exploration slots.

    Args:
        slates: as recorded on `recommendations`.
        events: as recorded on `clickstream.events`, in any order.
        most: slates held at once; of more a fair sample is taken.

    Returns:
        a sample for each explored product that was really seen.
    """
    pairing = Pairing(most)
    for slate in slates:
        pairing.show(slate)
    for event in events:
        pairing.see(event)
    return pairing.samples()


def _sample(slot: _Slot) -> Sample:
    explored = slot.explored
    paid = 0 <= slot.clicked_ms - slot.seen_ms <= REWARDED_MS
    return Sample(hash63(slot.visitor_id), explored.pool, explored.shares, explored.propensity, float(paid))
