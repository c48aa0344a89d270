"""One visit, event by event: land, look for something, read it, maybe put it in the cart, and at some point leave."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import numpy as np

from schemas.events import Item, Landing, Page, Ping, Shown
from schemas.products import Product
from schemas.slates import Slate
from streams.demo.navigation import Trip, Way
from streams.demo.shopper import Act, Scene, Shopper
from streams.demo.words import CAMPAIGNS

BEST = 20
SEEN_OF_SLATE = 8
LISTED = 8
EXAMINES_NEXT = 0.88
"""Chance that a shopper who looked at one place of a slate looks at the next."""

FINDS_IT_GOOD = 0.4
"""Chance to click a perfectly fitting product of a slate that is looked at."""

LEAVES, ADDS, BUYS, REMOVES, REFUNDS, FORGETS = 0.11, 0.25, 0.7, 0.06, 0.05, 0.002
BOUNCES_BELOW = 0.05
READING_PER_MS = 8
"""A page that is open for one second of the demo was read for eight: shoppers here are fast."""

SITE = "https://shop.example"


class Visit:
    """One visit of one shopper; `acts` tells it.

    Args:
        shopper: who; their slates are read whenever they look at one.
        scene: the shop.
        hour: local hour of the landing.
    """

    def __init__(self, shopper: Shopper, scene: Scene, hour: int) -> None:
        self._shopper = shopper
        self._scene = scene
        self._random = random = shopper.begin()
        self._mission = shopper.mission(random, hour)
        rng = np.random.default_rng(random.getrandbits(63))
        taste = scene.truth.taste(self._mission.mood, rng)
        self._trip = Trip(scene.truth, scene.truth.weights(taste), scene.open_items)
        self._landing = self._landed(hour)
        self._cart: list[str] = []
        self._bought: list[str] = []
        self._page = self._new_page("home", "/", self._mission.referrer)
        self._pages = 1

    def acts(self) -> Iterator[Act]:
        """Tell the visit; whoever listens waits as long as each act says."""
        if self._shopper.user_id and self._shopper.visits > 1:
            yield self._act(0, "identify", user_id=self._shopper.user_id)
        yield self._act(0, "page_view", context=self._landing)
        yield from self._look_at_slate("home")
        clicked = self._click_on_slate("home")
        while True:
            yield from self._go_to(clicked)
            yield from self._read()
            if self._random.random() < LEAVES:
                break
            clicked = self._click_on_slate("product") or self._click_on_slate("home")
        yield from self._check_out()

    def _go_to(self, clicked: tuple[int, Shown] | None) -> Iterator[Act]:
        """Open the next product page: one of the slate's, or what the shop's own ways lead to."""
        if clicked is not None:
            item, shown = clicked
            yield self._view(item, wait_ms=400, shown=shown)
            return
        ranked = self._shopper.organic and not self._scene.past
        best = self._trip.best(BEST) if ranked else ()
        way, item = self._trip.step(self._random)
        yield from self._walk(way, item)
        yield self._view(item, wait_ms=self._random.randint(500, 1100), best=best)

    def _view(self, item: int, *, wait_ms: int, shown: Shown | None = None, best: tuple[str, ...] = ()) -> Act:
        self._trip.look_at(item)
        product = self._product(item)
        self._page = self._new_page("product", f"/p/{product.product_id}", self._page.url)
        extra = {} if shown is None else {"shown": shown}
        return self._act(wait_ms, "view_item", best=best, items=(_line(product),), **extra)

    def _walk(self, way: Way, item: int) -> Iterator[Act]:
        """Leave the traces of a way: a category page with its list, a search, or the front page."""
        product = self._product(item)
        path = "/".join(product.category).lower().replace(" ", "-")
        if way in {"category", "shelf"}:
            self._page = self._new_page("category", f"/c/{path}", self._page.url)
            yield self._act(500, "page_view")
            if self._random.random() < 0.5:
                yield self._act(100, "view_item_list", items=self._listed(item))
        elif way == "search":
            self._page = self._new_page("search", "/search", self._page.url)
            yield self._act(700, "search", query=_query(product, self._random))
        elif way == "front_page" and self._trip.current is not None:
            self._page = self._new_page("home", "/", self._page.url)
            yield self._act(400, "page_view")

    def _read(self) -> Iterator[Act]:
        """Stay on a product page as long as it deserves; what does not fit is left at once."""
        item = self._trip.current
        if item is None:
            return
        fit = self._trip.liking(item)
        if fit < BOUNCES_BELOW and self._random.random() < 0.6:
            yield self._ping(1900, 0.0, read_ms=1900)
            return
        yield from self._look_at_slate("product")
        stay_ms = int(self._random.uniform(1800, 3200) + 1500 * fit)
        scroll = round(min(1.0, self._random.uniform(0.2, 0.6) + 0.4 * fit), 2)
        yield self._ping(stay_ms, scroll, read_ms=stay_ms * READING_PER_MS)
        if self._random.random() < ADDS * fit:
            self._trip.just_added = True
            yield from self._add(self._product(item))

    def _add(self, product: Product) -> Iterator[Act]:
        self._cart.append(product.product_id)
        yield self._act(300, "add_to_cart", items=(_line(product),))
        if len(self._cart) > 1 and self._random.random() < REMOVES:
            gone = self._scene.products[self._cart.pop(0)]
            yield self._act(900, "remove_from_cart", items=(_line(gone),))

    def _check_out(self) -> Iterator[Act]:
        lines = tuple(_line(self._scene.products[one]) for one in dict.fromkeys(self._cart))
        if lines and self._random.random() < BUYS:
            self._page = self._new_page("checkout", "/checkout", self._page.url)
            yield self._act(900, "begin_checkout", items=lines)
            yield self._act(1500, "purchase", items=lines)
            if self._random.random() < REFUNDS:
                yield self._act(2000, "refund", items=lines[:1])
        if self._random.random() < FORGETS:
            yield self._act(1000, "forget")

    def _look_at_slate(self, placement: str) -> Iterator[Act]:
        """Give the page a moment to fill, then see the first products of its slate."""
        if self._shopper.organic or self._scene.past:
            return
        yield self._ping(900, 0.1, read_ms=900)
        slate = self._slate(placement)
        if slate is not None and slate.items:
            seen = tuple(Item(product_id=one.product_id) for one in slate.items[:SEEN_OF_SLATE])
            yield self._act(200, "impression", items=seen, shown=_shown(slate, None))

    def _click_on_slate(self, placement: str) -> tuple[int, Shown] | None:
        """Go down a slate and click the first product that appeals, or give up somewhere."""
        slate = self._slate(placement)
        if slate is None:
            return None
        for one in slate.items[:SEEN_OF_SLATE]:
            item = self._scene.number_of(one.product_id)
            known = item is None or item in self._trip.seen or not self._scene.truth.products[item]
            if item is not None and not known and self._random.random() < FINDS_IT_GOOD * self._trip.liking(item):
                return item, _shown(slate, one.rank)
            if self._random.random() > EXAMINES_NEXT:
                return None
        return None

    def _slate(self, placement: str) -> Slate | None:
        """Find the slate on the page; a product's belongs to whichever variant was looked at."""
        if self._shopper.organic:
            return None
        anchors: Sequence[str | None] = [None]
        if placement == "product" and self._trip.current is not None:
            anchors = self._scene.truth.products[self._trip.current]
        found = (self._shopper.shelves.get(placement, anchor) for anchor in anchors)
        return next((slate for slate in found if slate is not None), None)

    def _product(self, item: int) -> Product:
        return self._scene.products[self._shopper.variant(self._scene.truth.products[item])]

    def _listed(self, item: int) -> tuple[Item, ...]:
        """Fill one page of a category's list, the product the shopper came for among it."""
        truth = self._scene.truth
        mates = np.flatnonzero((truth.leaf == truth.leaf[item]) & (truth.appeal > 0) & self._scene.open_items)
        shown = self._random.sample(mates.tolist(), min(LISTED, len(mates)))
        if item not in shown:
            shown[self._random.randrange(len(shown))] = item
        return tuple(Item(product_id=self._product(one).product_id) for one in shown)

    def _new_page(self, kind: str, path: str, referrer: str | None) -> Page:
        view_id = f"{self._random.getrandbits(64):016x}"
        return Page(view_id=view_id, url=SITE + path, referrer=referrer, kind=kind)

    def _landed(self, hour: int) -> Landing:
        shopper, campaign = self._shopper, self._mission.campaign
        told = {}
        if campaign is not None:
            told = {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": CAMPAIGNS[campaign]}
            told["utm_content"] = self._scene.leads[campaign]
        elif self._mission.seeks:
            words = _query(self._product(self._trip.seek(self._random)), self._random)
            told = {"utm_source": "google", "utm_medium": "cpc", "utm_term": words}
        return Landing(country=shopper.country, device=shopper.device, local_hour=hour, **told)

    def _ping(self, wait_ms: int, scroll: float, *, read_ms: int) -> Act:
        return self._act(wait_ms, "page_ping", ping=Ping(dwell_ms=read_ms, scroll=scroll))

    def _act(self, wait_ms: int, name: Any, *, best: tuple[str, ...] = (), **fields: Any) -> Act:
        """Make an act on the current page."""
        return Act(wait_ms, name, {"page": self._page, "consent": self._shopper.consent, **fields}, best)


def _line(product: Product) -> Item:
    price = product.price if product.sale_price is None else product.sale_price
    return Item(product_id=product.product_id, price=price, currency=product.currency)


def _shown(slate: Slate, rank: int | None) -> Shown:
    return Shown(slate_id=slate.slate_id, revision=slate.revision, placement=slate.placement, rank=rank)


def _query(product: Product, random: Random) -> str:
    """Make the words someone would type who looks for such a product."""
    words = product.title.split(",", maxsplit=1)[0].split()
    noun = " ".join(words[-2:] if random.random() < 0.5 else words[-1:])
    return f"{product.attributes.get('audience', '')} {noun}".strip().lower()
