"""A catalogue and a log of the size that the engine's own figures are told for: seeded, and without Kafka."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from shop import DIM

from models.content import Content
from models.knowledge import Knowledge
from models.model import Model
from models.ports import VectorIndex
from models.session import Context
from schemas.events import Event, Item
from schemas.learning import LearningStep, Origin
from schemas.products import Product
from schemas.record import epoch_ms

OPENED = datetime(2026, 1, 1, tzinfo=UTC)
GAP = timedelta(milliseconds=15)
LONGEST = 30
MEAN_LENGTH = 5
ZIPF = 0.9
"""Popularity within a category falls as rank to this power."""

NEAR, AWAY = 0.35, 0.1
"""Chance that a click goes to a neighbour of the last product, and to another category altogether."""

Session = list[str]
"""Product ids, in order."""


def stock(catalogue: Sequence[Product], index: VectorIndex) -> Knowledge:
    """Fill a catalogue with products and vectors that lie around their category's centre."""
    knowledge = Knowledge(content=Content(lambda _model, _dim: index), model=Model())
    random = np.random.default_rng(1)
    centre = {path: random.normal(size=DIM) for path in sorted({product.category for product in catalogue})}
    for product in catalogue:
        knowledge.put_product(product)
        vector = (centre[product.category] + 0.8 * random.normal(size=DIM)).astype(np.float32)
        knowledge.content.put(product.product_id, vector, product.category[-1], model="bench")
    return knowledge


class Shoppers:
    """Sessions of people who look around in a category, at what is popular there and at what lies beside it.

    Args:
        catalogue: what there is.
        seed: equal seeds, equal sessions.
    """

    def __init__(self, catalogue: Sequence[Product], seed: int) -> None:
        self._random = np.random.default_rng(seed)
        shelves: dict[tuple[str, ...], list[str]] = {}
        for product in catalogue:
            shelves.setdefault(product.category, []).append(product.product_id)
        self._shelves = [shelves[path] for path in sorted(shelves)]
        self._odds = [_zipf(len(shelf)) for shelf in self._shelves]

    def sessions(self) -> Iterator[Session]:
        """Make session after session."""
        while True:
            length = min(LONGEST, 1 + int(self._random.geometric(1 / MEAN_LENGTH)))
            yield self._session(length)

    def _session(self, length: int) -> Session:
        category = int(self._random.integers(len(self._shelves)))
        place, seen = self._popular(category), []
        for _ in range(length):
            seen.append(self._shelves[category][place])
            drawn = float(self._random.random())
            if drawn < AWAY:
                category = int(self._random.integers(len(self._shelves)))
            near = drawn > 1 - NEAR
            step = int(self._random.integers(1, 4))
            place = (place + step) % len(self._shelves[category]) if near else self._popular(category)
        return seen

    def _popular(self, category: int) -> int:
        return int(np.searchsorted(self._odds[category], self._random.random()))


def _zipf(count: int) -> np.ndarray:
    """Give the cumulative odds of ranks, the last one 1."""
    odds = np.cumsum(np.arange(1, count + 1) ** -ZIPF)
    return np.asarray(odds / odds[-1])


def steps(sessions: Iterator[Session], events: int, knowledge: Knowledge) -> Iterator[LearningStep]:
    """Write the learning log of sessions: views, each with the ten items before it."""
    item_of, offset = knowledge.catalogue.item_of, 0
    for number, session in enumerate(sessions):
        items = [(item_of(product_id), 1.0) for product_id in session]
        for at, item in enumerate(items):
            if offset == events:
                return
            yield LearningStep(
                origin=Origin(topic="bench", partition=0, offset=offset), at=OPENED + offset * GAP,
                visitor_id=f"v{number}", session=f"s{number}", kind="view", items=(item,),
                context=tuple(items[max(0, at - 10) : at]),
            )  # fmt: skip
            offset += 1


def moment(session: Session, name: str) -> tuple[Context, Event]:
    """Give a visitor who has just come to the last product of a session."""
    at = OPENED + timedelta(days=1)
    event = Event(event_id=name, name="view_item", visitor_id=name, at=at, items=(Item(product_id=session[-1]),))
    context = Context(
        name, session_id=f"now-{name}", at_ms=epoch_ms(at), consent=True,
        steps=tuple((product_id, 1.0) for product_id in session), views=tuple(dict.fromkeys(session)),
    )  # fmt: skip
    return context, event
