"""Workers that follow one `learning` log from different places: whatever else they know, they learn the same model."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from models.snapshot import decode, encode
from schemas.events import Event, EventName, Item, Page, Shown
from schemas.products import Product
from schemas.record import epoch_ms
from schemas.topics import LEARNING, PRODUCTS
from streams.bootstrap import build_world, clicks_rules
from streams.clicks import ClicksAgent
from streams.flow import LogRecord
from streams.partitions import PartitionState
from streams.settings import Settings
from streams.world import World

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
SETTINGS = Settings(_env_file=None, index="numpy")
NAMES: tuple[EventName, ...] = (
    "view_item",
    "view_item",
    "select_item",
    "add_to_cart",
    "purchase",
    "impression",
    "search",
)
PRODUCTS_LOG = [
    Product(product_id=f"p{n}", group_id=f"g{n // 2}", title=f"Mug {n}", category=("Home", f"Shelf {n % 5}"), price=n)
    for n in range(120)
]


class Follower:
    """A worker's knowledge, and an agent that serves visitors with it."""

    def __init__(self, snapshot: bytes | None = None) -> None:
        self.world: World = build_world(SETTINGS, model=decode(snapshot) if snapshot else None)
        self._folds = {fold.topic: fold for fold in self.world.folds}
        self._agent = ClicksAgent(self.world, clicks_rules(SETTINGS), clock=lambda: START)
        self._part = PartitionState(0)
        self._products = 0

    def catalogue(self, *products: Product, gone: bool = False) -> None:
        """Come so much further in the catalogue's log."""
        for product in products:
            value = None if gone else product.encode()
            self._folds[PRODUCTS].apply(LogRecord(0, self._products, 0, product.product_id.encode(), value))
            self._products += 1

    def learn(self, steps: list[bytes], start: int = 0) -> "Follower":
        """Come so much further in the log of what is learned."""
        for offset, step in enumerate(steps, start):
            self._folds[LEARNING].apply(LogRecord(0, offset, 0, None, step))
        return self

    def serve(self, event: Event) -> list[bytes]:
        """Serve an event; gives what is to be learned from it."""
        record = LogRecord(0, self._part.mark + 1, epoch_ms(event.at), event.visitor_id.encode(), event.encode())
        outputs = self._agent.handle([record], self._part).outputs
        return [out.value for out in outputs if out.topic == LEARNING and out.value]

    def digest(self) -> str:
        """Name the model by everything that decides its answers."""
        return self.world.knowledge.model.digest()


def shoppers(seed: int, count: int) -> Iterator[Event]:
    """Send visitors through the shop: views, carts, orders, slates seen, products nobody knows."""
    rng = random.Random(seed)
    for n in range(count):
        product = rng.choice([f"p{min(119, int(rng.paretovariate(0.5)))}", f"unknown{rng.randrange(9)}"])
        seen = Shown(slate_id=f"s{rng.randrange(40)}", placement="home", rank=rng.randrange(1, 12))
        yield Event(
            event_id=f"e{seed}-{n}",
            name=rng.choice(NAMES),
            visitor_id=f"v{seed}-{rng.randrange(30)}",
            at=START + timedelta(seconds=20 * n),
            items=(Item(product_id=product, price=9.5),),
            page=Page(view_id=f"w{n}"),
            shown=seen if rng.random() < 0.3 else None,
            query="mug" if rng.random() < 0.1 else None,
            consent="personalisation",
        )


@pytest.fixture(scope="module")
def log() -> list[bytes]:
    """What a worker that knows every product had to learn, training rows included."""
    leader, log = Follower(), list[bytes]()
    leader.catalogue(*PRODUCTS_LOG)
    for event in shoppers(1, 900):
        steps = leader.serve(event)
        leader.learn(steps, len(log))
        log += steps
    assert len(log) > 700
    assert sum(b'"row":' in step for step in log) > 200
    return log


def test_catalogues_that_lag_differently_end_in_one_model(log: list[bytes]) -> None:
    """All products from the start, none at all, or half that come late, change and go: equal to the last bit."""
    whole, none, half = Follower(), Follower(), Follower()
    whole.catalogue(*PRODUCTS_LOG)
    visitors = list(shoppers(2, len(log)))
    for offset, step in enumerate(log):
        if offset == 300:
            half.catalogue(*PRODUCTS_LOG[:60])
        if offset == 500:
            half.catalogue(
                *(product.model_copy(update={"group_id": None, "stock": 0}) for product in PRODUCTS_LOG[:20])
            )
            half.catalogue(*PRODUCTS_LOG[40:50], gone=True)
        for follower in (whole, none, half):
            follower.learn([step], offset)
            if offset % 5 == 0:  # serving asks the model, each with the catalogue it has
                follower.serve(visitors[offset])
    assert len(whole.world.knowledge.catalogue) == 120
    assert len(half.world.knowledge.catalogue) == 50
    assert len(none.world.knowledge.catalogue) == 0
    assert whole.digest() == none.digest() == half.digest() == Follower().learn(log).digest()


@pytest.mark.parametrize("cut", [1, 450, 700])
def test_a_follower_that_starts_from_a_snapshot_ends_in_the_same_model(log: list[bytes], cut: int) -> None:
    """Whoever made the snapshot and whatever both knew of the catalogue; the next snapshots are equal bytes."""
    early = Follower()
    early.catalogue(*PRODUCTS_LOG)
    early.learn(log[:cut])
    late = Follower(encode(early.world.knowledge.model))
    assert late.world.learning.positions() == {0: cut - 1}
    late.catalogue(*PRODUCTS_LOG[:30])
    early.learn(log[cut:], cut)
    for offset, event in zip(range(cut, len(log)), shoppers(3, len(log)), strict=False):
        late.learn([log[offset]], offset)
        if offset % 5 == 0:
            late.serve(event)
    assert early.digest() == late.digest()
    assert encode(early.world.knowledge.model) == encode(late.world.knowledge.model)
