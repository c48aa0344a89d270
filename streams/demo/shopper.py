"""Who shops: a visitor with lasting favourites, and the shop as they meet it."""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from schemas.events import Consent, EventName
from schemas.products import Product
from schemas.slates import Slate
from streams.demo.taste import Truth
from streams.demo.words import CAMPAIGNS

NO_CONSENT_SHARE, KNOWN_SHARE, CAMPAIGN_SHARE, FAVOURITE_SHARE = 0.02, 0.15, 0.4, 0.7
MOODS_OF_A_CAMPAIGN = 3
COUNTRIES, DEVICES = ("NL", "DE", "FR", "GB"), ("mobile", "desktop", "tablet")


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

    def number_of(self, product_id: str) -> int | None:
        """Find the item number of a product; None for one the shop does not have."""
        product = self.products.get(product_id)
        return None if product is None else self._numbers[product.item]


def is_organic(visitor_id: str) -> bool:
    """Say whether a visitor belongs to the half that never sees a slate; fixed for ever by the id.

    >>> is_organic("v000001") == is_organic("v000001")
    True
    """
    return hashlib.blake2b(visitor_id.encode(), digest_size=1).digest()[0] % 2 == 0


class Shopper:
    """A visitor with lasting favourites.

    `slates` holds the newest slate of each placement; whoever delivers slates writes it, the next visit reads it.

    Args:
        visitor_id: with the seed, decides everything about them.
        seed: of the simulation.
        truth: what there is to like.
    """

    def __init__(self, visitor_id: str, seed: int, truth: Truth) -> None:
        self.visitor_id = visitor_id
        self.organic = is_organic(visitor_id)
        self.slates: dict[str, Slate] = {}
        self.visits = 0
        self._seed = seed
        self._shares = truth.mood_share.tolist()
        random = Random(f"{seed}-{visitor_id}")
        self._favourites = random.choices(range(len(self._shares)), weights=self._shares, k=2)
        self.user_id = f"u-{visitor_id}" if random.random() < KNOWN_SHARE else None
        self.consent: Consent = "none" if random.random() < NO_CONSENT_SHARE else "personalisation"
        self.country, self.device = random.choice(COUNTRIES), random.choice(DEVICES)
        self.colour = random.random()

    def begin(self) -> Random:
        """Start a visit: give it its own random source, so that visits do not depend on each other's order."""
        self.visits += 1
        self.slates.clear()
        return Random(f"{self._seed}-{self.visitor_id}-{self.visits}")

    def mission(self, random: Random) -> tuple[int, str | None]:
        """Draw what a visit is about: a mood, and the campaign that brought the shopper, if one did."""
        if random.random() < CAMPAIGN_SHARE:
            number = random.randrange(len(CAMPAIGNS))
            mood = (number * MOODS_OF_A_CAMPAIGN + random.randrange(MOODS_OF_A_CAMPAIGN)) % len(self._shares)
            return mood, CAMPAIGNS[number]
        if random.random() < FAVOURITE_SHARE:
            return random.choice(self._favourites), None
        return random.choices(range(len(self._shares)), weights=self._shares)[0], None

    def variant(self, product_ids: Sequence[str]) -> str:
        """Pick the variant of a product that this shopper always picks."""
        return product_ids[int(self.colour * len(product_ids))]
