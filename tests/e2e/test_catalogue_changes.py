"""What a shop changes in its catalogue is in the slates: two real workers on a broker, from record to slate."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from schemas.dead import DeadLetter
from schemas.products import Product
from schemas.slates import Slate
from tests.bad_input import event
from tests.installation import Installation

CATALOG = (sys.executable, "-m", "streams.cli.main", "worker", "catalog")
MUGS = [Product(product_id=f"mug{n}", title=f"Stoneware mug number {n}", category=("Home", "Mugs")) for n in range(30)]
OTHERS = [Product(product_id=f"tent{n}", title=f"Tent for {n}", category=("Outdoor", "Tents")) for n in range(30)]
APPEARS_IN_S = 5.0


@dataclass
class Shop:
    """A shop whose catalogue is embedded, and a stream of visitors who look at mugs."""

    site: Installation
    written: dict[str, tuple[str, int]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def put(self, product_id: str, product: Product | None) -> None:
        """Write a product's record, or its tombstone; notes where it stands."""

        def delivered(error: object, message: Any) -> None:
            assert error is None
            self.written[product_id] = (str(message.partition()), message.offset())

        value = None if product is None else product.encode()
        self.site.produce("catalog.products", product_id.encode(), value, on_delivery=delivered)
        self.site.flush()

    def look(self) -> list[Slate]:
        """Let somebody new look at two mugs, and give the slates of the second look."""
        number = next(self._numbers)
        visitor, last = f"v{number}".encode(), f"look{number}-1"
        for look in range(2):
            one = event(
                datetime.now(UTC),
                event_id=f"look{number}-{look}",
                visitor_id=visitor.decode(),
                items=[{"product_id": f"mug{look}"}],
            )
            self.site.put([(visitor, one)])
        found: list[Slate] = []

        def answered() -> bool:
            slates = [Slate.decode(message.value()) for message in self.site.read("recommendations")]
            found[:] = [slate for slate in slates if slate.cause.event_id == last]
            return len(found) == 2

        self.site.wait(answered, 20)
        return found

    def look_until(self, satisfied: Callable[[list[Slate]], bool]) -> list[Slate]:
        """Send visitors until the slates of one are as wanted."""
        found: list[Slate] = []

        def wanted() -> bool:
            found[:] = self.look()
            return satisfied(found)

        self.site.wait(wanted, 30)
        return found

    def knows(self, product_id: str) -> Callable[[list[Slate]], bool]:
        """Tell slates that were decided after the product's last record was read."""
        partition, offset = self.written[product_id]
        return lambda slates: all(slate.lineage.products.get(partition, -1) >= offset for slate in slates)


@pytest.fixture(scope="module", params=["embedded_broker", pytest.param("kafka_broker", marks=pytest.mark.kafka)])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Open a shop with its workers, and wait until all of its products have vectors."""
    broker = request.getfixturevalue(request.param)
    site = Installation(broker, tmp_path_factory.mktemp("shop"))
    try:
        products = MUGS + OTHERS
        site.put(((one.product_id.encode(), one.encode()) for one in products), "catalog.products")
        site.start("catalog", command=CATALOG)
        site.start()
        site.wait_ready()
        site.wait(lambda: len(site.read("catalog.embeddings", 1)) == len(products), 120)
        yield Shop(site)
    finally:
        site.close()
        broker.delete_topics(site.prefix)


def places(slates: list[Slate], product_id: str) -> list[dict[str, float]]:
    """Give what brought a product into slates."""
    return [item.sources for slate in slates for item in slate.items if item.product_id == product_id]


def test_a_new_product_appears_within_five_seconds(shop: Shop) -> None:
    """From its record, through its vector, to a slate that it is in because of what it is like."""
    began = time.monotonic()
    shop.put("novelty", MUGS[0].model_copy(update={"product_id": "novelty", "title": "Stoneware mug, brand new"}))
    shop.look_until(lambda slates: any("content" in sources for sources in places(slates, "novelty")))
    assert time.monotonic() - began < APPEARS_IN_S


def test_a_record_without_a_title_goes_aside(shop: Shop) -> None:
    """It is a dead letter with its reason; the product stays as it was, and what follows is embedded."""
    before = len(shop.site.read("catalog.embeddings", 1))
    shop.site.put([(b"mug1", b'{"product_id":"mug1"}')], "catalog.products")
    shop.put("after", MUGS[0].model_copy(update={"product_id": "after", "title": "A mug after it"}))
    shop.site.wait(lambda: len(shop.site.read("catalog.products.dead")) > 0)
    (letter,) = [DeadLetter.decode(message.value()) for message in shop.site.read("catalog.products.dead")]
    assert (letter.reason, letter.detail) == ("schema", "Product.title: missing")
    shop.site.wait(lambda: len(shop.site.read("catalog.embeddings", 1)) == before + 1)
    assert places(shop.look_until(lambda slates: bool(places(slates, "mug1"))), "mug1")


@pytest.mark.parametrize("change", [{"stock": 0}, {"hidden": True}, None], ids=["sold out", "hidden", "removed"])
def test_what_cannot_be_bought_is_gone_from_the_next_slate_on(shop: Shop, change: dict[str, Any] | None) -> None:
    """Whatever its vector and its clicks say; back on sale it returns."""
    product = MUGS[5]
    shop.put("mug5", product)
    shop.look_until(lambda slates: bool(places(slates, "mug5")))
    shop.put("mug5", None if change is None else product.model_copy(update=change))
    slates = shop.look_until(shop.knows("mug5"))
    assert not places(slates, "mug5")
    partition, offset = shop.written["mug5"]
    every = [Slate.decode(message.value()) for message in shop.site.read("recommendations")]
    assert not places([one for one in every if one.lineage.products.get(partition, -1) == offset], "mug5")
