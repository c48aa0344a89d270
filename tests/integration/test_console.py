"""The console beside a real worker on the embedded broker: what a visitor does is told, and what follows from it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from schemas.events import Consent, Event, EventName, Item, Page, Ping
from schemas.products import Embedding, Product, pack_vector
from streams.brokers import Broker
from streams.brokers.aiokafka import adapt_aiokafka
from streams.console.app import build_console
from streams.kafka import KIND_VARIABLE, aiokafka_config
from streams.settings import Settings
from tests.installation import PARTITIONS, Installation

SCRIPT = '<script>alert(1)</script> & "boots"'
HERE = "http://127.0.0.1:8081"
PATIENCE_S = 120
DIM = 8


def catalogue() -> list[Product]:
    """Give forty pairs of boots and mugs, one that is sold out and one whose title is no title."""
    products = [
        Product(product_id=f"{shelf}{n}", title=f"{shelf} {n}", category=("shop", shelf), price=20.0 + n)
        for shelf in ("boots", "mugs")
        for n in range(20)
    ]
    products.append(Product(product_id="gone", title="Sold out", category=("shop", "boots"), price=25.0, stock=0))
    products.append(Product(product_id="odd", title=SCRIPT, category=("shop", "boots"), price=25.0))
    return products


def vector(product: Product) -> bytes:
    """Give a product's vector: near those of its shelf."""
    values = np.random.default_rng(len(product.product_id)).random(DIM).astype(np.float32) * 0.2
    values[product.category[-1] == "mugs"] += 1.0
    return Embedding(
        product_id=product.product_id, model="m", text_hash="h", dim=DIM, vector=pack_vector(values),
        embedded_at=datetime.now(UTC),
    ).encode()  # fmt: skip


class Shopper:
    """A visitor who browses."""

    def __init__(self, installation: Installation, visitor_id: str, consent: Consent = "personalisation") -> None:
        self._installation, self.visitor_id, self._consent = installation, visitor_id, consent
        self._at = datetime.now(UTC) - timedelta(minutes=5)
        self._count = self._views = 0

    def does(self, name: EventName, *products: str, after_s: float = 20.0, ping: Ping | None = None) -> None:
        """Send an event some seconds of event time after the last."""
        self._at += timedelta(seconds=after_s)
        self._count += 1
        self._views += name != "page_ping"
        event = Event(
            event_id=f"{self.visitor_id}-{self._count}", name=name, visitor_id=self.visitor_id, at=self._at,
            items=tuple(Item(product_id=one) for one in products), consent=self._consent, ping=ping,
            page=Page(view_id=f"p{self._views}", kind="home" if name == "page_view" else "product"),
        )  # fmt: skip
        self._installation.put([(self.visitor_id.encode(), event.encode())])


@pytest.fixture
def installation(embedded_broker: Broker, tmp_path: Path) -> Iterator[Installation]:
    """Give a worker that knows a catalogue, and keeps evidence of all it decides."""
    opened = Installation(embedded_broker, tmp_path)
    products = catalogue()
    opened.put([(one.product_id.encode(), one.encode()) for one in products], "catalog.products")
    opened.put([(one.product_id.encode(), vector(one)) for one in products], "catalog.embeddings")
    opened.start(AISLE_EVIDENCE_SHARE="1")
    opened.wait_ready()
    yield opened
    opened.close()
    embedded_broker.delete_topics(opened.prefix)


class Console:
    """A console that runs, and who asks it."""

    def __init__(self, app: Any, client: httpx.AsyncClient) -> None:
        self.app, self._client = app, client

    async def get(self, path: str) -> Any:
        """Ask for JSON."""
        answer = await self._client.get(path)
        return answer.json() if answer.status_code == 200 else {}

    async def find(self, visitor_id: str) -> str:
        """Give the name of a visitor on the pages."""
        answer = await self._client.post("/console/api/find", json={"visitor_id": visitor_id})
        return str(answer.json()["handle"])

    async def until(self, path: str, true: Callable[[Any], Any]) -> Any:
        """Ask until something is so."""
        end = time.monotonic() + PATIENCE_S
        while not true(told := await self.get(path)):
            assert time.monotonic() < end, f"it did not come about: {json.dumps(told)[:2000]}"
            await asyncio.sleep(0.2)
        return told


def beside(installation: Installation, tmp_path: Path, work: Callable[[Console], Any]) -> None:
    """Let a console run beside an installation, and ask it."""
    settings = Settings(
        _env_file=None, kafka_bootstrap_servers=installation.bootstrap, topic_prefix=installation.prefix,
        partitions=PARTITIONS, console_open=True, data_dir=tmp_path,
    )  # fmt: skip
    app = build_console(settings, aiokafka_config(settings))

    async def run() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client,
        ):
            await work(Console(app, client))

    undo = adapt_aiokafka()
    try:
        asyncio.run(run())
    finally:
        undo()


@pytest.fixture(autouse=True)
def _embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KIND_VARIABLE, "embedded")


def test_a_visitors_view_tells_what_they_did_and_why_they_see_what_they_see(
    installation: Installation, tmp_path: Path
) -> None:
    """Steps with dwell and weight, candidates with a score per source, what was kept off, and the order as decided."""

    async def work(console: Console) -> None:
        await console.until("/console/api/figures", lambda told: told["world"]["ready"])
        shopper = Shopper(installation, "w-somebody")
        shopper.does("page_view")
        shopper.does("view_item", "boots1")
        shopper.does("page_ping", "boots1", after_s=10, ping=Ping(dwell_ms=10_000, scroll=0.8))
        shopper.does("view_item", "boots2")
        shopper.does("add_to_cart", "boots2")
        path = f"/console/api/visitors/{await console.find('w-somebody')}?shelf=home"
        await console.until(path, lambda told: told.get("session", {}).get("cart"))
        await learned(installation)
        shopper.does("page_view")  # teaches nothing, so the worker decides it with all that the console knows
        told = await console.until(
            path, lambda told: _decided(told, "home") and told["events"][0]["name"] == "page_view"
        )

        assert "w-somebody" not in json.dumps(told)
        session = told["session"]
        assert (session["stage"], session["cart"]) == ("buying", ["boots2"])
        assert [step["kind"] for step in session["steps"]] == ["view", "view", "cart"]
        assert session["steps"][0]["scroll"] == 0.8
        assert session["steps"][0]["dwell_s"] >= 10
        assert all(step["weight"] for step in session["steps"])
        assert [share for _, share in told["context"]["categories"]] == [1.0]

        home = _shelf(told, "home")
        decision = home["decision"]
        assert decision["model"] == decision["told_with"]
        assert decision["same_order"]
        assert [one["product_id"] for one in decision["items"]] == [
            one["product"]["product_id"] for one in home["items"]
        ]
        candidates = {one["product"]["product_id"]: one for one in decision["candidates"]}
        assert all(len(one["shares"]) == len(decision["sources"]) for one in candidates.values())
        assert candidates["boots3"]["shares"][decision["sources"].index("content")] > 0
        assert {one["why"] for one in decision["removed"]} >= {"in the cart", "out of stock"}
        assert candidates["boots2"]["why"] == "in the cart"
        assert all(item["contributions"] for item in decision["items"])

        shown = next(one for one in home["items"] if one["product"]["product_id"] == "odd")
        assert shown["product"]["title"] == SCRIPT

    beside(installation, tmp_path, work)


def test_without_consent_there_is_nothing_but_the_event(installation: Installation, tmp_path: Path) -> None:
    """And the figures count it all the same."""

    async def work(console: Console) -> None:
        shopper = Shopper(installation, "w-nobody", consent="none")
        shopper.does("view_item", "boots1")
        handle = await console.find("w-nobody")
        told = await console.until(f"/console/api/visitors/{handle}", lambda told: told.get("shelves"))
        assert told["consent"] is False
        assert told["session"]["known"] is False
        assert [one["name"] for one in told["events"]] == ["view_item"]
        figures = await console.until(
            "/console/api/figures",
            lambda told: (
                sum(told["course"]["events"]) and told["course"]["slates"] and told["course"]["latency"]["count"]
            ),
        )
        assert set(figures["course"]["slates"]) == {"home", "product"}
        lag = await console.until(
            "/console/api/figures", lambda told: any(one["lag"] == 0 for one in told["lag"]["partitions"])
        )
        assert len(lag["lag"]["partitions"]) == PARTITIONS
        assert [one["short"] for one in lag["visitors"]] == ["w-no…"]

    beside(installation, tmp_path, work)


async def learned(installation: Installation) -> None:
    """Wait until the worker has learned all that its visitors taught."""
    end = time.monotonic() + PATIENCE_S
    steps = len(installation.read("learning", 1))
    while installation.progress()["followers"]["learning"]["positions"].get("0", -1) < steps - 1:
        assert time.monotonic() < end, "the worker does not learn"
        await asyncio.sleep(0.1)


def _shelf(told: dict[str, Any], placement: str) -> dict[str, Any]:
    return next((one for one in told["shelves"] if one["placement"] == placement), {})


def _decided(told: dict[str, Any], placement: str) -> bool:
    return bool(_shelf(told, placement).get("decision"))
