"""What a browser walks through: broker, worker, the demo's shop, the console, and a past that shelves come from."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.session import Visitor, decode_visitor
from schemas.events import Event
from schemas.products import Embedding, Product
from streams.adapters.minilm import SentenceTransformerEmbedder
from streams.adapters.vector_cache import VectorCache
from streams.brokers.maven import cache_dir
from streams.demo.shop import generate_shop
from streams.demo.shoppers import Crowd
from streams.demo.taste import hidden_truth
from streams.embedding import embed_products
from streams.runs.on_kafka import free_port
from streams.settings import Settings
from tests.installation import Installation

PRODUCTS, HISTORY, SEED = 400, 1500, 5
ENDED_BEFORE_MS = 10 * 60 * 1000
SECRET = "what signs the cookies of the browser tests"
SHOP = (sys.executable, "-m", "streams.demo.storefront")
CONSOLE = (sys.executable, "-m", "streams.cli.main", "console")


class Stage:
    """An installation that browsers walk through; starting it takes half a minute, so there is one for all tests.

    Args:
        broker: on which its topics are made.
        folder: of its logs.
    """

    def __init__(self, broker: Any, folder: Path) -> None:
        self.site = Installation(broker, folder)
        self.products = {one.product_id: one for one in generate_shop(SEED, PRODUCTS)}
        ports = free_port(), free_port()
        self.shop, self.console = (f"http://127.0.0.1:{port}" for port in ports)
        self._ports = ports

    def open(self) -> None:
        """Fill the catalogue, tell the past, and start everything; returns when it is ready."""
        products = list(self.products.values())
        self._put("catalog.products", {one.product_id: one for one in products})
        self._put("catalog.embeddings", {one.product_id: one for one in vectors(products)})
        self.site.start(AISLE_EVIDENCE_SHARE="1")
        self._start("shop", SHOP, AISLE_GATEWAY_PORT=str(self._ports[0]), AISLE_CONSOLE_URL=self.console)
        self._start("console", CONSOLE, AISLE_CONSOLE_PORT=str(self._ports[1]), AISLE_CONSOLE_OPEN="true")
        self.site.wait_ready()
        past = self._history(products)
        for event in past:
            key = event.visitor_id.encode()
            self.site.produce("clickstream.events", key, event.encode(), headers={"origin": b"import"})
        self.site.flush()
        self.site.wait(lambda: self.site.committed() >= len(past))
        for at in (self.shop, self.console):
            self.site.wait(lambda at=at: self.site.ask("/readyz", at=at)[0] == 200)  # type: ignore[misc]

    def locked_console(self, keys: Path) -> str:
        """Start another console, for who has a key of this file; gives its address once it is ready."""
        port = free_port()
        self._start("locked", CONSOLE, AISLE_CONSOLE_PORT=str(port), AISLE_KEYS_FILE=str(keys))
        at = f"http://127.0.0.1:{port}"
        self.site.wait(lambda: self.site.ask("/readyz", at=at)[0] == 200)
        return at

    def close(self) -> None:
        """End everything."""
        self.site.close()

    def change(self, product_id: str, **fields: Any) -> None:
        """Write a product anew."""
        self._put("catalog.products", {product_id: self.products[product_id].model_copy(update=fields)})

    def sold(self, *path: str) -> list[str]:
        """List what can be bought of a category, or of those below it."""
        return [
            one.product_id
            for one in self.products.values()
            if one.category[: len(path)] == path and one.stock and not one.hidden and one.group_id is None
        ]

    def department(self, product_id: str) -> str:
        """Say where a product stands."""
        return self.products[product_id].category[0]

    def events(self, wanted: Callable[[Event], bool] = lambda _: True) -> list[Event]:
        """Read what browsers sent and the broker has."""
        told = (Event.decode(one.value()) for one in self.site.read("clickstream.events") if from_browser(one))
        return [event for event in told if wanted(event)]

    def visitor_of(self, event_id: str) -> str:
        """Say whose an event is, once it is there."""
        found: list[Event] = []

        def there() -> bool:
            found[:] = self.events(lambda event: event.event_id == event_id)
            return bool(found)

        self.site.wait(there, 30)
        return found[0].visitor_id

    def visitor(self, visitor_id: str) -> Visitor | None:
        """Read a visitor's state from the changelog."""
        records = [one for one in self.site.read("visitors.changelog") if one.key() == visitor_id.encode()]
        return decode_visitor(records[-1].value()) if records and records[-1].value() else None

    def visitor_when(self, visitor_id: str, true: Callable[[Visitor], object], seconds: float = 40) -> Visitor:
        """Wait for a visitor's state to be as wanted."""
        end = time.monotonic() + seconds
        while (visitor := self.visitor(visitor_id)) is None or not true(visitor):
            assert time.monotonic() < end, f"it did not come about: {visitor}"
            time.sleep(0.2)
        return visitor

    def _history(self, products: Sequence[Product]) -> list[Event]:
        until_ms = int(time.time() * 1000) - ENDED_BEFORE_MS
        return Crowd(products, hidden_truth(products, SEED), seed=SEED).history(HISTORY, until_ms=until_ms)

    def _put(self, topic: str, records: Mapping[str, Product | Embedding]) -> None:
        self.site.put(((key.encode(), one.encode()) for key, one in records.items()), topic)

    def _start(self, slot: str, command: Sequence[str], **env: str) -> None:
        told = {"AISLE_GATEWAY_SECRETS": SECRET, "AISLE_GATEWAY_SECURE_COOKIE": "false"}
        self.site.start(slot, command=command, **told | env)


def from_browser(record: Any) -> bool:
    """Say whether a gateway took a record from a browser."""
    return ("sender", b"browser") in (record.headers() or ())


def vectors(products: Sequence[Product]) -> list[Embedding]:
    """Embed products; every run after the first finds all of them on disk."""
    embedder = SentenceTransformerEmbedder(Settings(_env_file=None).embedding_model)
    with closing(VectorCache(cache_dir() / "test-vectors.db")) as cache:
        return embed_products(products, embedder, cache, at=datetime.now(UTC))
