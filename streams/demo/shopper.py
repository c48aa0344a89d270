"""Who shops: a visitor with lasting favourites, and the shop as they meet it."""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from schemas.events import Consent, EventName
from schemas.products import Product
from streams.demo.shelves import Shelves
from streams.demo.taste import Truth
from streams.demo.words import CAMPAIGNS

NO_CONSENT_SHARE, KNOWN_SHARE, CAMPAIGN_SHARE, FAVOURITE_SHARE = 0.02, 0.15, 0.4, 0.7
MOODS_OF_A_CAMPAIGN = 3
COUNTRIES, DEVICES, PARTS_OF_DAY = ("NL", "DE", "FR", "GB"), ("mobile", "desktop", "tablet"), 4

LEANING = 3.0
"""A country, a device and a part of the day make a fourth (a third) of the moods so many times as likely.

In a real shop they say less; here they say something, so that there is something to find."""

WAYS_IN: tuple[tuple[str | None, float], ...] = (
    (None, 0.35), ("https://www.google.com/", 0.35), ("https://www.instagram.com/", 0.15),
    ("https://www.idealo.de/", 0.1), ("https://blog.example/finds", 0.05),
)  # fmt: skip
"""Where those come from whom no campaign brought, and how many of them."""

TOLD_BY_MOOD = 4.0
"""Each mood has a way in of its own, so many times as likely as for the others."""

SOUGHT_SHARE = 0.5
"""Of those who come from a search engine, so many clicked an advertisement that knows their search words."""


class Act(NamedTuple):
    """One event to come.

    Args:
        wait_ms: time since the act before, in the shopper's own time.
        name: of the event.
        fields: the other fields of `Event`.
        best: for a click found without slates, the ranking of who knows everything.
    """

    wait_ms: int
    name: EventName
    fields: dict[str, Any]
    best: tuple[str, ...] = ()


class Mission(NamedTuple):
    """What a visit is about.

    `campaign` is the number of the one that brought the shopper; `referrer` the page they came from otherwise;
    `seeks` says that they typed what they want into a search engine.
    """

    mood: int
    campaign: int | None = None
    referrer: str | None = None
    seeks: bool = False


class Scene:
    """The shop as shoppers meet it.

    Args:
        products: the catalogue.
        truth: the hidden side of it.
        past: True for a history: new products are not there yet, and nobody asks for the best ranking.
    """

    def __init__(self, products: Sequence[Product], truth: Truth, *, past: bool) -> None:
        self.products = {product.product_id: product for product in products}
        self.truth = truth
        self.past = past
        self.open_items = ~truth.fresh if past else np.ones(len(truth.items), np.bool_)
        self._numbers = {item: i for i, item in enumerate(truth.items)}
        self.leads = tuple(self._lead(number) for number in range(len(CAMPAIGNS)))

    def number_of(self, product_id: str) -> int | None:
        """Find the item number of a product; None for one the shop does not have."""
        product = self.products.get(product_id)
        return None if product is None else self._numbers[product.item]

    def _lead(self, campaign: int) -> str:
        """Name the kind of product that a campaign leads with: what those of its first mood like best."""
        truth, mood = self.truth, campaign * MOODS_OF_A_CAMPAIGN % len(self.truth.centres)
        best = int((truth.weights(truth.centres[mood]) * self.open_items).argmax())
        words = self.products[truth.products[best][0]].title.partition(",")[0].split()
        return "-".join(words[-2:]).lower()


def is_organic(visitor_id: str) -> bool:
    """Say whether a visitor belongs to the half that never sees a slate; fixed for ever by the id.

    >>> is_organic("v000001") == is_organic("v000001")
    True
    """
    return hashlib.blake2b(visitor_id.encode(), digest_size=1).digest()[0] % 2 == 0


class Shopper:
    """A visitor with lasting favourites.

    `shelves` hold the newest slate of each; whoever delivers slates fills them, the visit looks at them.

    Args:
        visitor_id: with the seed, decides everything about them.
        seed: of the simulation.
        truth: what there is to like.
    """

    def __init__(self, visitor_id: str, seed: int, truth: Truth) -> None:
        self.visitor_id = visitor_id
        self.organic = is_organic(visitor_id)
        self.shelves = Shelves()
        self.visits = 0
        self._seed = seed
        random = Random(f"{seed}-{visitor_id}")
        self.country, self.device = random.choice(COUNTRIES), random.choice(DEVICES)
        self._shares = _leaning(truth.mood_share.tolist(), COUNTRIES.index(self.country), DEVICES.index(self.device))
        self._favourites = random.choices(range(len(self._shares)), weights=self._shares, k=2)
        self.user_id = f"u-{visitor_id}" if random.random() < KNOWN_SHARE else None
        self.consent: Consent = "none" if random.random() < NO_CONSENT_SHARE else "personalisation"
        self.colour = random.random()

    def begin(self) -> Random:
        """Start a visit: give it its own random source, so that visits do not depend on each other's order."""
        self.visits += 1
        self.shelves.clear()
        return Random(f"{self._seed}-{self.visitor_id}-{self.visits}")

    def mission(self, random: Random, hour: int) -> Mission:
        """Draw what a visit is about, and what brought the shopper."""
        if random.random() < CAMPAIGN_SHARE:
            campaign = random.randrange(len(CAMPAIGNS))
            mood = campaign * MOODS_OF_A_CAMPAIGN + random.randrange(MOODS_OF_A_CAMPAIGN)
            return Mission(mood % len(self._shares), campaign)
        moods = self._favourites if random.random() < FAVOURITE_SHARE else range(len(self._shares))
        lean = [LEANING if _group(mood, 12, PARTS_OF_DAY) == hour // 6 else 1.0 for mood in moods]
        if moods is not self._favourites:
            lean = [share * more for share, more in zip(self._shares, lean, strict=True)]
        mood = random.choices(moods, weights=lean)[0]
        own = mood % len(WAYS_IN)
        shares = [share * (TOLD_BY_MOOD if way == own else 1.0) for way, (_, share) in enumerate(WAYS_IN)]
        referrer = random.choices(WAYS_IN, weights=shares)[0][0]
        seeks = referrer is not None and "google" in referrer and random.random() < SOUGHT_SHARE
        return Mission(mood, referrer=referrer, seeks=seeks)

    def variant(self, product_ids: Sequence[str]) -> str:
        """Pick the variant of a product that this shopper always picks."""
        return product_ids[int(self.colour * len(product_ids))]


def _group(mood: int, every: int, groups: int) -> int:
    """Deal moods to groups; countries, devices and parts of the day share them out independently of each other."""
    return mood // every % groups


def _leaning(shares: Sequence[float], country: int, device: int) -> list[float]:
    return [
        share
        * (LEANING if _group(mood, 1, len(COUNTRIES)) == country else 1.0)
        * (LEANING if _group(mood, 4, len(DEVICES)) == device else 1.0)
        for mood, share in enumerate(shares)
    ]
