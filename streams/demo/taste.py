"""What the simulated shoppers like: the hidden truth, in no catalogue record and made from no category or text.

Every item has a *mood* and a point near that mood's centre in a space that only this module knows. Moods are dealt
without looking at categories, so what belongs together for a shopper lies all over the category tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.products import Product
from streams.demo.shop import is_new

DIM = 12
MOODS = 48
SPREAD = 0.18
"""How far items, and a shopper's taste of the day, lie from their mood's centre, per dimension."""

SHARPNESS = 14.0
"""Weight of a product = appeal x exp(sharpness x cosine of taste and product)."""

FADES, TAIL = 0.82, 0.003
"""Within a mood the i-th item has appeal max(fades^i, tail): every mood has its bestsellers, and a long tail."""

LINKS = 10


@dataclass(frozen=True)
class Truth:
    """The hidden side of a shop; arrays are by item (a product, or a group of variants).

    Args:
        items: item ids.
        products: product ids that can be bought, by item; empty where hidden or sold out.
        leaf: int, shape (n,): which shelf of the category tree.
        points: float64, shape (n, DIM), unit rows.
        appeal: float64, shape (n,): how much those of its mood like it; 0 where it cannot be bought.
        popular: float64, shape (n,): what the front page shows, summing to 1.
        centres: float64, shape (MOODS, DIM), unit rows.
        mood_share: float64, shape (MOODS,): how many missions each mood gets.
        links: int, shape (n, LINKS): the links on each product's page, drawn by the shop's editors.
        partner: int, shape (n,): what goes with it, from the same mood.
        fresh: bool, shape (n,): came only days ago.
    """

    items: tuple[str, ...]
    products: tuple[tuple[str, ...], ...]
    leaf: np.ndarray
    points: np.ndarray
    appeal: np.ndarray
    popular: np.ndarray
    centres: np.ndarray
    mood_share: np.ndarray
    links: np.ndarray
    partner: np.ndarray
    fresh: np.ndarray

    def weights(self, taste: np.ndarray) -> np.ndarray:
        """Give every item's chance for a taste: float64, shape (n,), summing to 1."""
        return _shares(self.appeal * np.exp(SHARPNESS * (self.points @ taste - 1)))

    def taste(self, mood: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a taste of the day near a mood: float64, shape (DIM,), unit."""
        return _units(self.centres[mood] + SPREAD * rng.normal(size=DIM))


def hidden_truth(products: Sequence[Product], seed: int) -> Truth:
    """Make up what shoppers like about a shop; only the number and grouping of products matter, not what they are."""
    rng = np.random.default_rng([seed, 0x7A57E])
    items = tuple(dict.fromkeys(product.item for product in products))
    index = {item: i for i, item in enumerate(items)}
    mood = rng.permutation(np.arange(len(items)) % MOODS)
    centres = _units(rng.normal(size=(MOODS, DIM)))
    buyable, leaf, fresh = _shelves(products, index)
    appeal = _appeal(mood, rng) * np.array([bool(ids) for ids in buyable])
    mood_share = _shares(1.0 / np.arange(12, 12 + MOODS))
    return Truth(
        items=items,
        products=buyable,
        leaf=leaf,
        points=_units(centres[mood] + SPREAD * rng.normal(size=(len(items), DIM))),
        appeal=appeal,
        popular=_shares(appeal * mood_share[mood]),
        centres=centres,
        mood_share=mood_share,
        links=_links(mood, leaf, appeal, rng),
        partner=_partners(mood, leaf, appeal, rng),
        fresh=fresh,
    )


def _shelves(
    products: Sequence[Product], index: dict[str, int]
) -> tuple[tuple[tuple[str, ...], ...], np.ndarray, np.ndarray]:
    buyable: list[list[str]] = [[] for _ in index]
    leaf, fresh = np.zeros(len(index), np.int64), np.zeros(len(index), np.bool_)
    leaves: dict[tuple[str, ...], int] = {}
    for product in products:
        i = index[product.item]
        leaf[i] = leaves.setdefault(product.category, len(leaves))
        fresh[i] = is_new(product)
        if not product.hidden and product.stock != 0 and not product.restricted:
            buyable[i].append(product.product_id)
    return tuple(map(tuple, buyable)), leaf, fresh


def _appeal(mood: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    appeal = np.zeros(len(mood))
    for one in range(MOODS):
        members = rng.permutation(np.flatnonzero(mood == one))
        appeal[members] = np.maximum(FADES ** np.arange(len(members)), TAIL)
    return appeal


def _links(mood: np.ndarray, leaf: np.ndarray, appeal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw each page's links: half from the mood, half from the shelf."""
    links = np.zeros((len(mood), LINKS), np.int64)
    for column in range(LINKS):
        label = mood if column < LINKS // 2 else leaf
        links[:, column] = _draw_mates(label, appeal, rng)
    return links


def _partners(mood: np.ndarray, leaf: np.ndarray, appeal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Find what goes with each item: of its mood, preferably well liked, from another shelf if chance allows."""
    first, second = _draw_mates(mood, appeal, rng), _draw_mates(mood, appeal, rng)
    return np.where(leaf[first] != leaf, first, second)


def _draw_mates(label: np.ndarray, appeal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw, for every item, one of the same label by appeal."""
    mates = np.arange(len(label))
    for one in np.unique(label):
        members = np.flatnonzero(label == one)
        if appeal[members].sum() > 0:
            mates[members] = rng.choice(members, size=len(members), p=_shares(appeal[members]))
    return mates


def _shares(values: np.ndarray) -> np.ndarray:
    return values / values.sum()


def _units(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)
