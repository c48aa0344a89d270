"""What a new visitor is shown before the first click, held against that click; simulated shoppers, no Kafka.

Everything the shoppers' landing says of their taste was put there by the simulation (`streams.demo.shopper`): the
figures show that what is there is found, not how much there is in a real shop.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zlib import crc32

import numpy as np

from models.landing import landing_of
from models.words import words_of
from schemas.events import Event
from schemas.products import Embedding, Product, pack_vector
from schemas.slates import Slate
from streams.demo.shop import generate_shop
from streams.demo.shoppers import Crowd
from streams.demo.taste import hidden_truth
from streams.engine import Engine
from streams.settings import Settings

K, DIM = 20, 64
UNTIL_MS = 1_790_000_000_000


def vectors_of(products: Sequence[Product]) -> list[Embedding]:
    """Stand in for a language model: the sum of a random direction per word of title and category."""

    def direction(word: str) -> np.ndarray:
        return np.random.default_rng(crc32(word.encode())).standard_normal(DIM, np.float32)

    return [
        Embedding(
            product_id=product.product_id, model="words", text_hash="0", dim=DIM,
            vector=pack_vector(sum(map(direction, words_of(f"{product.title} {' '.join(product.category)}")))),
            embedded_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for product in products
    ]  # fmt: skip


class FirstClicks:
    """Counts hits of the first click of first visits, by how the visitor came and by what ranked."""

    def __init__(self, engine: Engine, products: Sequence[Product]) -> None:
        self._engine = engine
        self._items = {product.product_id: product.item for product in products}
        self._guesses: dict[str, tuple[str, dict[str, list[str]]]] = {}
        self._known: set[str] = set()
        self._front: dict[str, Slate] = {}
        self.hits: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
        self.slot: defaultdict[str, list[bool]] = defaultdict(list)

    def take(self, event: Event, *, counted: bool) -> None:
        """Feed an event; guess when a visitor lands, score when they first look at something."""
        visitor = event.visitor_id
        if event.name == "view_item" and visitor in self._front and counted:
            self._cost(self._front[visitor], self._items[event.items[0].product_id])
        if event.name == "view_item" and visitor in self._guesses:
            came, guesses = self._guesses.pop(visitor)
            for name, guess in guesses.items():
                if counted:
                    self.hits[came, name].append(self._items[event.items[0].product_id] in guess)
        slates = self._engine.feed(event)
        self._front |= {slate.visitor_id: slate for slate in slates if slate.placement == "home"}
        if event.context is None or visitor in self._known:
            return
        self._known.add(visitor)
        model, landing = self._engine.knowledge.model, self._engine.visitor(visitor)
        told = landing.session.landing if landing and landing.session else event.context
        home = next(slate for slate in slates if slate.placement == "home")
        guesses = {
            "global popularity": model.names(model.popularity({}, limit=K)),
            "landing popularity": model.names(model.popularity(landing_of(told), limit=K)),
            "home slate": [self._items[item.product_id] for item in home.items[:K]],
        }
        came = "campaign" if told.utm_campaign else "search words" if told.utm_term else told.referrer or "direct"
        self._guesses[visitor] = (came, guesses)

    def _cost(self, front: Slate, clicked: str) -> None:
        """Hold a view against the front page before it, with and without what stands in the reserved slot."""
        kept = [item for item in front.items if "reserved" in item.sources]
        if kept:
            items = [self._items[item.product_id] for item in front.items if item not in kept]
            self.slot["with the slot"].append(clicked in [*items[: K - 1], self._items[kept[0].product_id]])
            self.slot["without"].append(clicked in items[:K])
            self.slot["in the slot"].append(clicked == self._items[kept[0].product_id])


def first_clicks(events: int, *, seed: int = 1, products: int = 3000) -> FirstClicks:
    """Let the shop learn a history in order; the second half of its first visits is counted."""
    shop = generate_shop(seed, products)
    history = Crowd(shop, hidden_truth(shop, seed), seed=seed).history(events, until_ms=UNTIL_MS, hours=120)
    engine = Engine(Settings(_env_file=None, evidence_share=0.0))
    for product in shop:
        engine.put_product(product)
    engine.put_embeddings(vectors_of(shop))
    clicks = FirstClicks(engine, shop)
    for number, event in enumerate(history):
        if event.name in {"page_view", "view_item", "add_to_cart", "purchase"}:
            clicks.take(event, counted=number > events // 2)
    return clicks


def table(hits: Mapping[tuple[str, str], list[bool]]) -> list[str]:
    """Write HR@20 with its standard error, one line per way in."""
    names = list(dict.fromkeys(name for _, name in hits))
    lines = ["| first visits by | n | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    ways = sorted({came for came, _ in hits})
    for came in [*ways, "all"]:
        columns = [[hit for way in (ways if came == "all" else [came]) for hit in hits[way, name]] for name in names]
        cells = [f"{np.mean(one):.3f} ± {np.std(one) / len(one) ** 0.5:.3f}" for one in columns]
        lines.append(f"| {came} | {len(columns[0])} | " + " | ".join(cells) + " |")
    return lines
